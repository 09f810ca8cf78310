"""Keras' InceptionV3 with ImageNet weights, from Keras' own download or from a file.

It is of the same architecture as the network of the first FIDs, with other weights and another
resizing: figures compare with each other, not with those in papers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from cargan_tf.errors import UserError, full_message
from cargan_tf.evaluation.networks.feature_network import FeatureNetwork, resize_rule, weights_hash
from cargan_tf.evaluation.report import NetworkInfo

NAME = "inception"
#: Pixels a side it was trained with.
SIZE = 299
FEATURE_SIZE = 2048
DOWNLOAD = "imagenet"


def inception(weights: str = DOWNLOAD) -> FeatureNetwork:
    """Features of the pooling layer, and ImageNet's 1000 classes.

    Args:
        weights: ``imagenet``, which Keras downloads once, or a file of
            ``keras.applications.InceptionV3``, with its last layer.

    Raises:
        UserError: the weights cannot be loaded.
    """
    if weights != DOWNLOAD and not Path(weights).is_file():
        raise UserError(f"no weights of InceptionV3 at {weights}: name a file of Keras weights.")
    try:
        network = keras.applications.InceptionV3(weights=weights, classifier_activation=None)
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise UserError(
            f"the weights of InceptionV3 ({weights}) cannot be loaded ({full_message(error)})."
            f" Name a"
            " file of keras.applications.InceptionV3 with its last layer (--features"
            " inception=FILE), or"
            " use --features efficientnet-lite0, whose weights come with the installation."
        ) from error
    both = keras.Model(network.input, [network.layers[-2].output, network.output])
    info = NetworkInfo(
        name=NAME,
        description=f"keras.applications.InceptionV3, weights: {weights}",
        weights_hash=weights_hash(network.variables),
        resize=resize_rule(SIZE),
        features=FEATURE_SIZE,
    )

    def forward(pixels: Any) -> tuple[Any, Any]:
        features, logits = both(pixels / 127.5 - 1.0, training=False)
        return features, logits

    return FeatureNetwork(info, forward, SIZE)
