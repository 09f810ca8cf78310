"""Feature networks by name."""

from __future__ import annotations

from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.evaluation.features import classifier, efficientnet_lite0, inception
from cargan_tf.evaluation.features.network import FeatureNetwork

DEFAULT = efficientnet_lite0.NAME
NAMES = (efficientnet_lite0.NAME, inception.NAME, classifier.NAME)


def feature_network(name: str, of_run: FeatureNetwork | None) -> FeatureNetwork:
    """The network of that name.

    Args:
        name: one of ``NAMES``; ``inception=FILE`` takes the weights from a file.
        of_run: the run's C, if it has one.

    Raises:
        UserError: no such network, its weights cannot be had, or the run has no C.
    """
    kind, _, file = name.partition("=")
    if kind == inception.NAME:
        return inception.inception(file or inception.DOWNLOAD)
    if name == efficientnet_lite0.NAME:
        return efficientnet_lite0.efficientnet_lite0()
    if name == classifier.NAME:
        if of_run is None:
            raise UserError(
                "this run has no classifier to take features from: use --features"
                f" {efficientnet_lite0.NAME}."
            )
        return of_run
    raise UserError(
        f"no feature network {name!r}.{did_you_mean(kind, NAMES)} There are {', '.join(NAMES)}"
        " and inception=FILE."
    )
