"""How all benchmarks measure: medians, a matrix product beside each timing, peak memory."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Rows and columns of the product that stands for what the machine can do.
PRODUCT_SIDE = 2048


@dataclass(frozen=True)
class Timing:
    """Medians of some repetitions.

    Attributes:
        seconds: of what was measured.
        product_gflops: of a float32 matrix product, taken after each repetition.
    """

    seconds: float
    product_gflops: float

    def fraction(self, multiply_adds: float) -> float:
        """Of the matrix product's speed, for ``multiply_adds`` (two operations each)."""
        return 2e-9 * multiply_adds / self.seconds / self.product_gflops


def timed(work: Callable[[], object], repetitions: int) -> Timing:
    """Time ``work``, which must end when its results are there, after one call unmeasured."""
    product = matrix_product()
    work()
    seconds, gflops = [], []
    for _ in range(repetitions):
        seconds.append(seconds_of(work))
        gflops.append(2e-9 * PRODUCT_SIDE**3 / seconds_of(product))
    return Timing(statistics.median(seconds), statistics.median(gflops))


def matrix_product() -> Callable[[], object]:
    """A float32 product of two square matrices by TensorFlow, ready to run."""
    import tensorflow as tf

    matrix = tf.random.stateless_normal([PRODUCT_SIDE, PRODUCT_SIDE], [1, 2])
    multiply = tf.function(lambda: tf.matmul(matrix, matrix))
    multiply()
    return lambda: multiply().numpy()


def seconds_of(work: Callable[[], object]) -> float:
    """One call, by the wall clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_gib() -> float:
    """The most memory this process has held, TensorFlow itself (0.6 GiB) included."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / 2**20 if sys.platform != "darwin" else kibibytes / 2**30


def parse_and_report(
    parser: argparse.ArgumentParser, measure: Callable[..., dict[str, Any]]
) -> None:
    """Measure what the command line asks for; one line of JSON, the last, is what came out."""
    parser.add_argument("--tiny", action="store_true", help="networks of no use, to try it out")
    arguments = parser.parse_args()
    print(json.dumps(measure(**vars(arguments))), flush=True)
