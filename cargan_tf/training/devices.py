"""Which devices a run uses, as one MirroredStrategy."""

from __future__ import annotations

import tensorflow as tf

from cargan_tf.config.schema import TrainingConfig
from cargan_tf.errors import UserError


def make_strategy(
    gpus: int | None = None, virtual_devices: int | None = None
) -> tf.distribute.MirroredStrategy:
    """One replica a device.

    Args:
        gpus: how many GPUs; ``None`` takes one if there is one, else the CPU.
        virtual_devices: split the CPU into so many logical devices instead, to rehearse a run of
            several replicas. Must be asked for before TensorFlow has used the CPU.

    Raises:
        UserError: fewer GPUs than asked for, both arguments at once, or TensorFlow is already up.
    """
    if virtual_devices is not None:
        if gpus is not None:
            raise UserError("--gpus and --virtual-devices cannot be combined: name one of them.")
        return tf.distribute.MirroredStrategy(_virtual_cpus(virtual_devices))
    found = tf.config.list_physical_devices("GPU")
    if gpus is not None and gpus > len(found):
        raise UserError(
            f"--gpus {gpus} was asked for, but TensorFlow sees {len(found)}."
            f" Install the GPU extra (pip install 'cargan-tf[gpu]') or ask for fewer;"
            f" --virtual-devices {gpus} rehearses {gpus} replicas on the CPU."
        )
    for device in found:
        tf.config.experimental.set_memory_growth(device, True)
    count = gpus if gpus is not None else min(1, len(found))
    names = [f"/gpu:{index}" for index in range(count)] or ["/cpu:0"]
    return tf.distribute.MirroredStrategy(names)


def check_devices_suit(training: TrainingConfig, strategy: tf.distribute.Strategy) -> None:
    """That the devices can do what ``training`` asks of them.

    Raises:
        UserError: float16 without GPUs, or XLA over several devices.
    """
    if training.precision == "float16" and not all(map(_is_gpu, strategy.extended.worker_devices)):
        raise UserError(
            "training.precision=float16 needs GPUs: processors are many times slower in it than in"
            " float32. Set training.precision to bfloat16, or leave it out."
        )
    if training.compile and strategy.num_replicas_in_sync > 1:
        raise UserError(
            f"training.compile: XLA cannot compile what {strategy.num_replicas_in_sync} devices do"
            " together. Train on one device, or set training.compile=false."
        )


def _is_gpu(device: str) -> bool:
    return tf.DeviceSpec.from_string(device).device_type == "GPU"


def _virtual_cpus(count: int) -> list[str]:
    existing = tf.config.list_logical_devices("CPU") if _is_up() else []
    if not existing:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
        existing = tf.config.list_logical_devices("CPU")
    if len(existing) < count:
        raise UserError(
            f"--virtual-devices {count}: TensorFlow already runs with {len(existing)} logical"
            " CPU(s); ask for them in a fresh process."
        )
    return [f"/cpu:{index}" for index in range(count)]


def _is_up() -> bool:
    """Whether TensorFlow has fixed its logical devices."""
    from tensorflow.python.eager import context

    return context.context()._initialized  # no public way to ask without starting it
