"""How cost grows: with clips and cores, with pixels and images a step, with replicas.

    python -m benchmarks.scale --json scale.json --plot docs/images/scale.png

Each measurement runs in a process of its own. Times are by the clock and in seconds of all cores'
work (CPU), which other load on the machine changes far less. What is fitted is in ``scale_laws``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.measuring import peak_gib, timed

#: Pixels a side, worker processes, clips.
PREPROCESSING = [
    *((256, workers, clips) for clips in (320, 640, 1280, 2560) for workers in (1, 2)),
    (64, 2, 1280),
    (128, 2, 1280),
]
#: Pixels a side, images a step, replicas.
TRAINING = [
    *((64, batch, 1) for batch in (4, 8, 16)),
    *((128, batch, 1) for batch in (2, 4, 8)),
    *((256, batch, 1) for batch in (1, 2, 4)),
    *((64, 8, replicas) for replicas in (2, 4)),
]
TINY_PREPROCESSING = [(32, 1, 8), (32, 1, 16), (64, 1, 8)]
TINY_TRAINING = [(32, 1, 1), (32, 2, 1), (64, 1, 1)]
REPETITIONS = 5

Figures = dict[str, Any]


def preprocessing(size: int, workers: int, clips: int) -> Figures:
    """One data set, from files to ``dataset.json``, TensorFlow imported before."""
    from benchmarks.sub_urmp_like import write_tree
    from cargan_tf.config import load_config
    from cargan_tf.data.preprocessing.plan import make_plan
    from cargan_tf.data.preprocessing.preprocess import preprocess
    from cargan_tf.data.sources.detection import find_source

    config = load_config("paper", [f"data.image_size={size}"])
    with tempfile.TemporaryDirectory() as folder:
        tree, out = write_tree(Path(folder) / "source", clips), Path(folder) / "data"
        planning = _times(lambda: make_plan(find_source(tree), config))
        whole = _times(lambda: preprocess(tree, out, config, workers=workers))
        shards = sorted(out.glob("*.tfrecord"))
        size_of_data = sum(shard.stat().st_size for shard in shards)
    return {
        "seconds": whole[0],
        "cpu_seconds": whole[1],
        "planning_seconds": planning[0],
        "bytes_per_clip": size_of_data / clips,
        "peak_gib": peak_gib(),
    }


def training(size: int, batch: int, replicas: int, tiny: bool) -> Figures:
    """One step of the paper's networks on numbers by chance; the median of some."""
    from benchmarks.networks import config_of, new_step, random_batch
    from benchmarks.training_step import std
    from cargan_tf.config import override

    config = override(config_of(size, tiny=tiny), [f"training.batch_size={batch}"])
    step = new_step(config, replicas=replicas)
    images = random_batch(config)
    if replicas > 1:
        images = std(images, step.strategy)
    cpu: list[float] = []

    def one_step() -> None:
        cpu.append(_times(lambda: [loss.numpy() for loss in step(images).values()])[1])

    timing = timed(one_step, 1 if tiny else REPETITIONS)
    return {
        "seconds": timing.seconds,
        "cpu_seconds": sorted(cpu[1:])[len(cpu[1:]) // 2],
        "product_gflops": timing.product_gflops,
        "peak_gib": peak_gib(),
    }


def _times(work: Any) -> tuple[float, float]:
    """Seconds by the clock, and of CPU in this process and those that it started and that ended."""
    began, cpu = time.perf_counter(), sum(os.times()[:4])
    work()
    return time.perf_counter() - began, sum(os.times()[:4]) - cpu


def _in_own_process(kind: str, numbers: tuple[int, ...], tiny: bool) -> Figures:
    command = [sys.executable, "-m", "benchmarks.scale", "--measure", kind, *map(str, numbers)]
    done = subprocess.run([*command, *(["--tiny"] if tiny else [])], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _table(title: str, names: tuple[str, ...], rows: list[Figures]) -> Table:
    table = Table(*names, title=title)
    for row in rows:
        table.add_row(*(f"{row[name]:.4g}" for name in names))
    return table


def main() -> None:
    """Measure, print tables and laws, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there too")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="draw them")
    parser.add_argument("--only", choices=("preprocessing", "training"))
    parser.add_argument("--tiny", action="store_true", help="of no use, to try it out")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        kind, *numbers = arguments.measure
        sizes = [int(number) for number in numbers]
        tiny = arguments.tiny
        figures = preprocessing(*sizes) if kind == "preprocessing" else training(*sizes, tiny)
        print(json.dumps(figures), flush=True)
        return
    from benchmarks.scale_laws import laws, plot

    wanted = {
        "preprocessing": TINY_PREPROCESSING if arguments.tiny else PREPROCESSING,
        "training": TINY_TRAINING if arguments.tiny else TRAINING,
    }
    names = {
        "preprocessing": ("image_size", "workers", "clips"),
        "training": ("image_size", "batch", "replicas"),
    }
    if arguments.json and arguments.json.exists():  # what --only leaves out stays
        measured = json.loads(arguments.json.read_text("utf-8"))
    else:
        measured = {}
    console = Console(stderr=True)
    for kind in wanted if arguments.only is None else [arguments.only]:
        measured[kind] = []
        for numbers in track(wanted[kind], kind.capitalize(), console=console):
            figures = _in_own_process(kind, numbers, arguments.tiny)
            measured[kind].append({**dict(zip(names[kind], numbers, strict=True)), **figures})
            console.print(measured[kind][-1])
            if arguments.json:
                arguments.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    for kind, rows in measured.items():
        Console().print(_table(kind.capitalize(), tuple(rows[0]), rows))
    for name, value in laws(measured).items():
        Console().print(f"{name}: {value:.4g}")
    if arguments.plot:
        plot(measured, arguments.plot)


if __name__ == "__main__":
    main()
