"""C as a network that looks: the paper's judge, and the one that guided the generators."""

from __future__ import annotations

from typing import Any

from cargan_tf.config import Config
from cargan_tf.evaluation.features.network import FeatureNetwork, resize_rule, weights_hash
from cargan_tf.evaluation.report import NetworkInfo
from cargan_tf.models.classifier import Classifier

NAME = "classifier"


def classifier_network(
    classifier: Classifier, config: Config, accuracy: float | None
) -> FeatureNetwork:
    """C's features before its dense layer, and the data's own classes.

    Args:
        classifier: as it stands in the run.
        config: of the run; its pictures are what C was trained on.
        accuracy: of C on held-out photos, where it is known.
    """
    size = config.data.image_size
    info = NetworkInfo(
        name=NAME,
        what=f"C, a ResNet of blocks {list(config.classifier.blocks)} and width"
        f" {config.classifier.width}, trained on the data's photos; it guided the generators",
        weights_hash=weights_hash(classifier.variables),
        resize=resize_rule(size),
        features=classifier.to_logits.kernel.shape[0],
        accuracy=accuracy,
    )

    def look(pixels: Any) -> tuple[Any, Any]:
        features = classifier.features(pixels / 127.5 - 1.0)
        return features, classifier.to_logits(features)

    return FeatureNetwork(info, look, size)
