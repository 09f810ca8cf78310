"""The networks and steps that are measured. Weights are by chance: speed does not mind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cargan_tf.config import Config, load_config
from cargan_tf.labels import SUB_URMP_LABELS

if TYPE_CHECKING:
    from cargan_tf.export.metadata import ModelMetadata
    from cargan_tf.export.serving_module import ServingModule
    from cargan_tf.training.steps.cargan_step import CarganStep

#: Images a step by size: what the authors' script trains with, and what a laptop can hold.
BATCH = {32: 4, 64: 16, 128: 4, 256: 2}
LABELS = len(SUB_URMP_LABELS)
#: ``ours`` is the step, layers and networks of ``configs/paper.yaml``; ``plain-attention`` the same
#: with whole attention maps; ``authors`` the step of ``authors_step`` and the networks of
#: ``configs/authors.yaml`` by plain layers.
WAYS = ("ours", "plain-attention", "authors")
#: Networks of no use, to see in seconds that a benchmark runs.
TINY = (
    *("model.generator_width=4", "model.discriminator_width=4"),
    *("model.generator_attentions=1", "classifier.blocks=[1, 1, 1, 1]", "classifier.width=4"),
)


def run_graphs_as_they_are() -> None:
    """Without TensorFlow's graph optimizer, which takes longer than a tiny network's step."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def config_of(size: int, way: str = "ours", tiny: bool = False) -> Config:
    """The configuration of a way; an untrained ResNet50 as C."""
    return load_config(
        "authors" if way == "authors" else "paper",
        [
            f"data.image_size={size}",
            f"training.batch_size={BATCH[size]}",
            "model.discriminator_width=64",
            "classifier.weights=none",
            *(TINY if tiny else ()),
        ],
    )


def new_step(config: Config, way: str = "ours", replicas: int = 1) -> CarganStep:
    """A training step on the processor, cut into as many virtual devices as ``replicas``."""
    import keras
    import tensorflow as tf

    from benchmarks.authors_step import AuthorsStep
    from benchmarks.plain_layers import use_plain_layers, use_whole_attention_maps
    from cargan_tf.models.cargan import new_cascade
    from cargan_tf.models.patchgan import new_discriminator
    from cargan_tf.training.steps.cargan_step import CarganStep

    if way == "authors":
        use_plain_layers()
    if way == "plain-attention":
        use_whole_attention_maps()
    keras.utils.set_random_seed(0)
    if replicas > 1:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * replicas,
        )
    strategy = tf.distribute.MirroredStrategy([f"/cpu:{index}" for index in range(replicas)])
    kind = AuthorsStep if way == "authors" else CarganStep
    with strategy.scope():
        networks = new_cascade(config, LABELS), new_discriminator(config, LABELS)
        return kind(config, *networks, strategy, steps_per_epoch=1000)


def random_batch(config: Config) -> dict[str, Any]:
    """Numbers of the right shapes."""
    import tensorflow as tf

    random = np.random.default_rng(0)
    count, size = config.training.batch_size, config.data.side
    sound = (count, size, size, config.model.spectrogram_channels)
    arrays = {
        "spectrogram": random.uniform(-1, 1, sound),
        "label": np.eye(LABELS)[random.integers(0, LABELS, count)],
        "photo": random.uniform(-1, 1, (count, size, size, 3)),
    }
    return {name: tf.constant(array, tf.float32) for name, array in arrays.items()}


def new_serving_module(config: Config) -> tuple[ServingModule, ModelMetadata]:
    """Sound in, 8-bit image out, and the metadata that goes with it."""
    from cargan_tf.audio.normalization import BandStatistics
    from cargan_tf.export.metadata import ModelMetadata
    from cargan_tf.export.serving_module import ServingModule
    from cargan_tf.models.cargan import new_cascade

    bands = (0.0,) * config.audio.n_mels, (1.0,) * config.audio.n_mels
    metadata = ModelMetadata(config, SUB_URMP_LABELS, BandStatistics(*bands), step=0, data_hash="")
    return ServingModule(new_cascade(config, LABELS), metadata), metadata
