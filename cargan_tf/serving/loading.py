"""Exported versions, loaded once it is known that they do no more than draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from cargan_tf.errors import UserError
from cargan_tf.serving.operations import check_operations


def load_exported(version: Path) -> tuple[Any, SavedModel]:
    """What TensorFlow makes of an exported version, and the graph in its file.

    Variables live only as long as the first.

    Raises:
        UserError: it is damaged, or would do more than draw.
    """
    saved = check_operations(version)
    try:
        return tf.saved_model.load(str(version)), saved
    except Exception as error:  # protobuf, TensorFlow and the system each have their own
        raise UserError(f"the model at {version} is damaged: export it again.") from error
