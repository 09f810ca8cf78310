"""The fraction of a training step's time that is spent waiting for data.

    python -m benchmarks.input_share --name quickstart

The trainer's stream, clock and step on records as large as the real ones, held in memory or read
from the disk as the configuration says. Each run writes the same figure, ``waiting_for_data``, to
its ``stats.jsonl``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import parse_and_report
from benchmarks.networks import LABELS, TINY, new_step, run_graphs_as_they_are
from benchmarks.sub_urmp_like import write_tree
from cargan_tf.config import Config, load_config, override
from cargan_tf.labels import SUB_URMP_LABELS

#: Pairs of the data set, and the steps over which the waiting is counted.
PAIRS, STEPS = 128, 40


def measure(name: str, batch: int | None, steps: int, tiny: bool) -> dict[str, Any]:
    """Of one shipped configuration; ``batch`` other than its own where a step takes minutes."""
    config = override(load_config(name), ["classifier.weights=none", *(TINY if tiny else ())])
    if batch:
        config = override(config, [f"training.batch_size={batch}"])
    with tempfile.TemporaryDirectory() as folder:
        if tiny:
            run_graphs_as_they_are()
        return _waiting(Path(folder), config, 2 if tiny else steps)


def _waiting(folder: Path, config: Config, steps: int) -> dict[str, Any]:
    from cargan_tf.data.input_pipeline import training_batches
    from cargan_tf.data.preprocessing.preprocess import preprocess
    from cargan_tf.training.callbacks import Throughput

    data = folder / "data"
    dataset = preprocess(write_tree(folder, PAIRS, SUB_URMP_LABELS), data, config, workers=1)
    assert len(dataset.labels) == LABELS
    step = new_step(config)
    stream = training_batches(dataset, data, config, seed=0)
    batches = iter(step.strategy.experimental_distribute_dataset(stream))
    for _ in range(2):  # traced, and the stream started
        step(next(batches))
    clock = Throughput(config.training.batch_size)
    for _ in range(steps):
        with clock.waiting():
            batch = next(batches)
        losses = step(batch)
        clock.count_step()
    float(losses["generators"])
    return clock.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--name", default="quickstart", help="of the configuration")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--steps", type=int, default=STEPS)
    parse_and_report(parser, measure)
