"""CAR-GAN in TensorFlow: an image of the player from half a second of music.

Importing this package imports neither TensorFlow nor librosa; they are loaded by what uses them,
TensorFlow without what it says about itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cargan_tf.errors import UserError
from cargan_tf.utils.quiet_import import import_quietly

if TYPE_CHECKING:
    from cargan_tf.config import Config, load_config
    from cargan_tf.inference.generator import Generator

import_quietly()

__version__ = "0.2.0"
__all__ = ["Config", "Generator", "UserError", "__version__", "load_config"]


def __getattr__(name: str) -> Any:
    if name == "Generator":
        from cargan_tf.inference.generator import Generator

        return Generator
    if name in ("Config", "load_config"):
        from cargan_tf import config

        return getattr(config, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
