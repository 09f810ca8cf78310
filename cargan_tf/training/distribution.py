"""Which devices a run uses, on one machine or several, as one mirrored strategy."""
# MERGED Training batches, each spread over the devices of all workers.

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from cargan_tf.config import Config, TrainingConfig
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.errors import UserError, WorkerFailure, first_line
from cargan_tf.training.cluster import VARIABLE, Cluster
from cargan_tf.training.steps.train_step import Batch


def make_strategy(
    gpus: int | None = None,
    virtual_devices: int | None = None,
    cluster: Cluster | None = None,
) -> tf.distribute.Strategy:
    """One replica a device.

    Of a cluster it waits until all workers are there, which must have as many devices each.

    Args:
        gpus: how many GPUs of this machine; ``None`` takes one if there is one, else the CPU.
        virtual_devices: split the CPU into so many logical devices instead, to rehearse a run of
            several replicas. Must be asked for before TensorFlow has used the CPU.
        cluster: the workers that train together; ``None`` for this machine alone.

    Raises:
        UserError: fewer GPUs than asked for, arguments that exclude each other, or TensorFlow is
            already up.
    """
    if virtual_devices is not None:
        if gpus is not None:
            raise UserError("--gpus and --virtual-devices cannot be combined: name one of them.")
        if cluster is not None:
            raise UserError(
                f"--virtual-devices rehearses on one machine, and {VARIABLE} names several: unset"
                f" {VARIABLE}, or leave --virtual-devices out."
            )
        return tf.distribute.MirroredStrategy(_virtual_cpus(virtual_devices))
    found = tf.config.list_physical_devices("GPU")
    if gpus is not None and gpus > len(found):
        raise UserError(
            f"--gpus {gpus} was asked for, but TensorFlow sees {len(found)}"
            f"{' on this machine (the number is that of each worker)' if cluster else ''}."
            f" Install the GPU extra (pip install 'cargan-tf[gpu]') or ask for fewer;"
            f" --virtual-devices {gpus} rehearses {gpus} replicas on the CPU."
        )
    for device in found:
        tf.config.experimental.set_memory_growth(device, True)
    count = gpus if gpus is not None else min(1, len(found))
    if cluster is not None:
        # Of several machines the strategy takes all GPUs that it sees.
        tf.config.set_visible_devices(found[:count], "GPU")
        return _across_machines(cluster)
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


def _across_machines(cluster: Cluster) -> tf.distribute.Strategy:
    with _ctrl_c_ends():
        try:
            return tf.distribute.MultiWorkerMirroredStrategy(
                tf.distribute.cluster_resolver.SimpleClusterResolver(
                    tf.train.ClusterSpec(cluster.addresses),
                    task_type=cluster.task,
                    task_id=cluster.index,
                    rpc_layer="grpc",
                )
            )
        except tf.errors.OpError as error:
            own = cluster.addresses[cluster.task][cluster.index]
            raise WorkerFailure(
                f"the workers of {VARIABLE} did not come together: {first_line(error)}. Each"
                f" must reach the others' addresses, and {own} must be this machine's, with the"
                " port free."
            ) from error


@contextmanager
def _ctrl_c_ends() -> Iterator[None]:
    """Ctrl-C ends the process within the block: Python is not asked while TensorFlow waits."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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


def distribute_batches(
    strategy: tf.distribute.Strategy, dataset: DatasetInfo, data: Path, config: Config, start: int
) -> Iterator[Batch]:
    """The batches after step ``start``, as the strategy's replicas take them.

    They are the same for any number of workers and devices: each worker goes through the records in
    the same order and keeps its own part of each batch. Sharded by file, as TensorFlow would do by
    itself, workers would meet other records together than one worker does.
    """
    seed = config.training.seed

    def own_part(context: tf.distribute.InputContext) -> tf.data.Dataset:
        part = (context.input_pipeline_id, context.num_input_pipelines)
        own = training_batches(dataset, data, config, seed=seed, start_step=start, part=part)
        return own.rebatch(config.training.batch_size // context.num_replicas_in_sync)

    if strategy.cluster_resolver is not None:
        return iter(strategy.distribute_datasets_from_function(own_part))
    whole = training_batches(dataset, data, config, seed=seed, start_step=start)
    return iter(strategy.experimental_distribute_dataset(whole))


def check_divisible(config: Config, replicas: int, workers: int) -> None:
    """That all devices get as many pairs of a batch.

    Raises:
        UserError: they do not.
    """
    batch = config.training.batch_size
    if batch % replicas:
        std = f" ({workers} workers of {replicas // workers})" if workers > 1 else ""
        raise UserError(
            f"training.batch_size = {batch} cannot be shared evenly by {replicas} devices{std};"
            f" the nearest that can is {max(1, round(batch / replicas)) * replicas}."
        )
