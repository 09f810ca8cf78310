"""Distribution: the mirrored strategy over the devices of one or several machines, its batches, and
what the workers of several machines agree on.

Each worker runs the same loop on its part of every batch. TensorFlow's collective operations wait
for all workers, so whatever ends the loop must be known to all.
"""

from __future__ import annotations

import atexit
import hashlib
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import tensorflow as tf

from cargan_tf.config import Config, TrainingConfig
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.errors import UserError, WorkerFailure, first_line, install_hint
from cargan_tf.training.cluster import CLUSTER_VARIABLE, Cluster
from cargan_tf.training.steps.train_step import Batch

#: After so long without a heartbeat TensorFlow's coordination service takes a worker for dead. Its
#: default of 10 s is less than a busy machine may need to end a process; a connection that breaks
#: is noticed at once in any case.
_HEARTBEAT_MS = 100_000
_RESTART = "Restart all workers with --resume: they continue from the last checkpoint."

#: Phrases in TensorFlow's errors about a worker that is gone.
_GONE = ("Collective ops is aborted", "unhealthy", "coordination service", "Coordination service")

#: Seconds that worker 0 waits at its end for another worker to end.
_PATIENCE = 20.0


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
                f"--virtual-devices is for one machine, and {CLUSTER_VARIABLE} names several: unset"
                f" {CLUSTER_VARIABLE}, or omit --virtual-devices."
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
                f"the workers of {CLUSTER_VARIABLE} could not connect: {first_line(error)}."
                f" Each must reach the others' addresses, and {own} must be this"
                " machine's, with the port free."
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


class Workers:
    """The workers of a strategy, seen from one of them.

    Attributes:
        count: number of workers; 1 without ``TF_CONFIG``.
        index: of this worker, from 0.
        is_chief: whether it writes the run's files.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self._strategy = strategy
        resolver = strategy.cluster_resolver
        jobs = resolver.cluster_spec().as_dict() if resolver is not None else {}
        tasks = [address for addresses in jobs.values() for address in addresses]
        self.count = max(1, len(tasks))
        self.index = 0
        if self.count > 1:
            address = resolver.cluster_spec().task_address(resolver.task_type, resolver.task_id)
            self.index = tasks.index(address)
        self.is_chief = self.index == 0
        self._others = tasks[1:] if self.is_chief else []

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether any worker has it set; a collective call."""
        if self.count == 1:
            return flags
        raised = self._sums(tf.constant(flags, tf.float32)).numpy()
        return tuple(bool(count) for count in raised)

    def barrier(self) -> None:
        """Wait for all workers; a collective call."""
        self.any(False)

    def leave(self) -> None:
        """Wait until all workers are here; worker 0's process then ends after those of the others.

        Worker 0 hosts TensorFlow's coordination service. The others send it heartbeats until they
        end, and log an unanswered one as a failure.
        """
        self.barrier()
        if self._others:
            atexit.register(wait_until_ended, self._others)

    def check_same(self, values: Mapping[str, object]) -> None:
        """Check that all workers have the same values; a collective call.

        Raises:
            UserError: they do not; raised at every worker, names what differs.
        """
        if self.count == 1:
            return
        own = np.zeros((self.count, len(values)), np.int64)
        own[self.index] = [_number(str(value)) for value in values.values()]
        everyones = self._sums(tf.constant(own)).numpy()
        for (name, value), digests in zip(values.items(), everyones.T, strict=True):
            if len(set(digests)) > 1:
                others = [str(i) for i, digest in enumerate(digests) if digest != digests[0]]
                raise UserError(
                    f"the workers do not have the same {name}: worker {', '.join(others)} differs"
                    f" from worker 0 (this is worker {self.index}, with {value}). Start all with"
                    " the same command and packages, on shared folders."
                )

    def check_seen(self, path: Path, there: bool) -> None:
        """Check that every worker sees the run's folder, which the chief has created.

        Raises:
            UserError: one does not.
        """
        if not self.any(not there)[0]:
            return
        if self.count == 1:
            raise UserError(f"{path} was removed while the run was starting: train again.")
        raise UserError(
            f"{path} is not on a file system that all workers share: give --run a folder that every"
            " worker can read."
        )

    @contextmanager
    def explain_worker_failure(self) -> Iterator[None]:
        """Turn TensorFlow's errors about a dead worker into a ``WorkerFailure``.

        Raises:
            WorkerFailure: this worker cannot continue without it.
        """
        try:
            yield
        except tf.errors.OpError as error:
            if self.count == 1 or not any(words in str(error) for words in _GONE):
                raise
            raise WorkerFailure(
                f"worker {self.index} of {self.count} stops: another worker died or cannot be"
                f" reached. {_RESTART}"
            ) from error

    def stopped_by_other_worker(self, step: int) -> WorkerFailure:
        """The error for a signal at another worker, after ``step`` was saved."""
        return WorkerFailure(f"another worker was stopped; step {step} is saved. {_RESTART}")

    @tf.function(reduce_retracing=True)
    def _sums(self, values: tf.Tensor) -> tf.Tensor:
        """Sums over the workers' first devices."""

        def of_replica(values: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            devices = context.num_replicas_in_sync // self.count
            first = context.replica_id_in_sync_group % devices == 0
            return values if first else tf.zeros_like(values)

        return self._strategy.reduce("SUM", self._strategy.run(of_replica, (values,)), axis=None)


def wait_until_ended(addresses: Sequence[str], patience: float = _PATIENCE) -> None:
    """Wait until no process listens at any of ``host:port``, each for ``patience`` seconds at most.

    A server keeps a connection that sends nothing open; the end of its process closes it.
    """
    for address in addresses:
        host, _, port = address.rpartition(":")
        endpoint = (host.strip("[]"), int(port))
        with (
            suppress(OSError, KeyboardInterrupt),
            socket.create_connection(endpoint, timeout=patience) as connection,
        ):
            while connection.recv(4096):
                pass


def _number(text: str) -> int:
    """A digest of 52 bits, exact in float64."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") >> 4
