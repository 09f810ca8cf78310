"""The workers of a multi-machine run, and what they agree on.

Each runs the same loop on its part of every batch. TensorFlow's collective operations wait for all
workers, so whatever ends the loop must be known to all.
"""

from __future__ import annotations

import atexit
import hashlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import tensorflow as tf

from cargan_tf.errors import UserError, WorkerFailure

_RESTART = "Restart all workers with --resume: they continue from the last checkpoint."

#: Phrases in TensorFlow's errors about a worker that is gone.
_GONE = ("Collective ops is aborted", "unhealthy", "coordination service", "Coordination service")

#: Seconds that worker 0 waits at its end for another worker to end.
_PATIENCE = 20.0


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
