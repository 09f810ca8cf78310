"""Images a second and peak memory of the training step.

    python -m benchmarks.training_step --size 256 --way ours

D is 64 wide in all ways (``networks.WAYS``); ``--name quickstart`` takes the quickstart's networks
and batch instead.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from benchmarks.measuring import parse_and_report, peak_gib, timed
from benchmarks.networks import (
    BATCH,
    LABELS,
    TINY,
    WAYS,
    config_of,
    new_step,
    random_batch,
    run_graphs_as_they_are,
)
from cargan_tf.config import load_config, override


def measure(
    name: str,
    size: int,
    batch: int | None,
    way: str,
    replicas: int,
    repetitions: int,
    tiny: bool,
) -> dict[str, Any]:
    """The figures of one way at one size; in a process of its own, as memory is counted."""
    if name == "paper":
        config = config_of(size, way, tiny)
    else:
        config = load_config(name, ["classifier.weights=none", *(TINY if tiny else ())])
    if batch:
        config = override(config, [f"training.batch_size={batch}"])
    if tiny:
        run_graphs_as_they_are()
    images = config.training.batch_size
    step = new_step(config, way, replicas)
    numbers = random_batch(config)
    if replicas > 1:
        numbers = std(numbers, step.strategy)
    resting = peak_gib()
    cpu: list[float] = []

    def one_step() -> None:
        began = time.process_time()
        for loss in step(numbers).values():
            loss.numpy()
        cpu.append(time.process_time() - began)

    timing = timed(one_step, repetitions)
    peak = peak_gib()

    from benchmarks import multiply_adds
    from benchmarks.plain_layers import use_plain_layers

    use_plain_layers()
    of_step = multiply_adds.of_authors_step if way == "authors" else multiply_adds.of_step
    work = of_step(multiply_adds.of_networks(config, LABELS))
    return {
        "images_per_second": images / timing.seconds,
        "seconds": timing.seconds,
        "cpu_seconds": statistics.median(cpu[1:]),
        "peak_gib": peak,
        "step_gib": peak - resting,
        "gmac_per_image": work / 1e9,
        "product_gflops": timing.product_gflops,
        "share_of_product": timing.fraction(work * images),
    }


def std(batch: dict[str, Any], strategy: Any) -> Any:
    """The batch as the trainer's data set hands it to several replicas."""
    import tensorflow as tf

    count = len(batch["photo"])
    whole = tf.data.Dataset.from_tensors(batch).unbatch().batch(count)
    return next(iter(strategy.experimental_distribute_dataset(whole)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--name", default="paper", help="of the configuration")
    parser.add_argument("--size", type=int, choices=BATCH, default=128, help="of the paper's")
    parser.add_argument("--batch", type=int, help="other than the one of that size")
    parser.add_argument("--way", choices=WAYS, default="ours")
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=7)
    parse_and_report(parser, measure)
