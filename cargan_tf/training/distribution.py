"""Distribution: the mirrored strategy over the devices of one or several machines, and its
batches."""

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
from cargan_tf.errors import UserError, WorkerFailure, first_line, install_hint
from cargan_tf.training.cluster import VARIABLE, Cluster
from cargan_tf.training.steps.train_step import Batch

#: After so long without a heartbeat TensorFlow's coordination service takes a worker for dead. Its
#: default of 10 s is less than a busy machine may need to end a process; a connection that breaks
#: is noticed at once in any case.
_HEARTBEAT_MS = 100_000


def make_strategy(
    gpus: int | None = None,
    virtual_devices: int | None = None,
    cluster: Cluster | None = None,
) -> tf.distribute.Strategy:
    """A strategy with one replica per device.

    With a cluster it waits until all workers are there; all must have the same number of devices.

    Args:
        gpus: number of GPUs of this machine; by default one if there is one, else the CPU.
        virtual_devices: split the CPU into that many logical devices instead, to rehearse several
            replicas. Must be called before TensorFlow has used the CPU.
        cluster: the workers that train together; ``None`` for this machine alone.

    Raises:
        UserError: too few GPUs, exclusive arguments, or TensorFlow is already initialized.
    """
    if virtual_devices is not None:
        if gpus is not None:
            raise UserError("--gpus and --virtual-devices cannot be combined: give one of them.")
        if cluster is not None:
            raise UserError(
                f"--virtual-devices is for one machine, and {VARIABLE} names several: unset"
                f" {VARIABLE}, or omit --virtual-devices."
            )
        return tf.distribute.MirroredStrategy(_virtual_cpus(virtual_devices))
    found = tf.config.list_physical_devices("GPU")
    if gpus is not None and gpus > len(found):
        raise UserError(
            f"--gpus {gpus} was requested, but TensorFlow sees {len(found)}"
            f"{' on this machine (the number is per worker)' if cluster else ''}."
            f" Install the GPU extra ({install_hint('gpu')}) or request fewer;"
            f" --virtual-devices {gpus} rehearses {gpus} replicas on the CPU."
        )
    for device in found:
        tf.config.experimental.set_memory_growth(device, True)
    count = gpus if gpus is not None else min(1, len(found))
    if cluster is not None:
        # The multi-worker strategy uses all visible GPUs.
        tf.config.set_visible_devices(found[:count], "GPU")
        return _across_machines(cluster)
    names = [f"/gpu:{index}" for index in range(count)] or ["/cpu:0"]
    return tf.distribute.MirroredStrategy(names)


def check_devices_suit(training: TrainingConfig, strategy: tf.distribute.Strategy) -> None:
    """Check that the devices support the settings of ``training``.

    Raises:
        UserError: float16 without GPUs, or XLA on several devices.
    """
    if training.precision == "float16" and not all(map(_is_gpu, strategy.extended.worker_devices)):
        raise UserError(
            "training.precision=float16 needs GPUs: CPUs are many times slower with it than with"
            " float32. Set training.precision to bfloat16 or float32."
        )
    if training.compile and strategy.num_replicas_in_sync > 1:
        raise UserError(
            f"training.compile: XLA cannot compile a step over {strategy.num_replicas_in_sync}"
            " devices. Train on one device, or set training.compile=false."
        )


def _is_gpu(device: str) -> bool:
    return tf.DeviceSpec.from_string(device).device_type == "GPU"


def _across_machines(cluster: Cluster) -> tf.distribute.Strategy:
    _configure_coordination(cluster)
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
                f"the workers of {VARIABLE} could not connect: {first_line(error)}. Each must reach"
                f" the others' addresses, and {own} must be this machine's, with the port free."
            ) from error


def _configure_coordination(cluster: Cluster) -> None:
    """Configure the coordination service as the strategy would, but for its heartbeats."""
    from tensorflow.python.eager import context  # no public way: the strategy sets none

    settings = tf.compat.v1.ConfigProto().experimental.coordination_config
    jobs = [
        settings.coordinated_job_list.add(name=name, num_tasks=len(addresses))
        for name, addresses in cluster.addresses.items()
    ]
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{next(iter(cluster.addresses))}/replica:0/task:0",
        heartbeat_timeout_in_ms=_HEARTBEAT_MS,
        coordinated_jobs=jobs,
    )


@contextmanager
def _ctrl_c_ends() -> Iterator[None]:
    """Let Ctrl-C end the process within the block: Python handles no signals while TensorFlow
    waits."""
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
            " CPU(s); start a new process."
        )
    return [f"/cpu:{index}" for index in range(count)]


def _is_up() -> bool:
    """Whether TensorFlow's logical devices are fixed."""
    from tensorflow.python.eager import context

    return context.context()._initialized  # there is no public query that does not initialize it


def distribute_batches(
    strategy: tf.distribute.Strategy, dataset: DatasetInfo, data: Path, config: Config, start: int
) -> Iterator[Batch]:
    """The batches after step ``start``, distributed over the strategy's replicas.

    They are the same for any number of workers and devices: each worker reads the records in the
    same order and keeps its part of each batch. TensorFlow's sharding by file would form other
    batches than one worker does.
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
    """Check that the batch is a multiple of the number of devices.

    Raises:
        UserError: it is not.
    """
    batch = config.training.batch_size
    if batch % replicas:
        detail = f" ({workers} workers of {replicas // workers})" if workers > 1 else ""
        raise UserError(
            f"training.batch_size = {batch} is not a multiple of the {replicas} devices{detail};"
            f" the nearest is {max(1, round(batch / replicas)) * replicas}."
        )
