"""The network of each kind of system (``model.kind``)."""

from __future__ import annotations

from cargan_tf.config import Config
from cargan_tf.models.base import ImageGenerator
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.cmcgan import new_cmcgan
from cargan_tf.models.s2ic import new_s2ic


def new_network(config: Config, label_count: int) -> ImageGenerator:
    """The image generator that ``config.model.kind`` names, with initial weights."""
    if config.model.kind == "s2ic":
        return new_s2ic(config, label_count)
    if config.model.kind == "cmcgan":
        return new_cmcgan(config)
    return new_cascade(config, label_count)
