"""SIGKILL at random moments of the long commands, and whether anything was lost by it.

    python -m benchmarks.crash_recovery --kills 100 --json kills.json

Every command is run once undisturbed. Then it is killed, each time at a moment drawn evenly over
the CPU time of that run, which other work on the machine does not stretch: half of the times with
all its processes, as a container ends, half of the times alone, as the kernel kills what takes too
much memory. After each kill the next run is started at once; one that is let through must leave
what the undisturbed one left. Meanwhile a reader opens the results over and over: whatever is there
must be whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cpu_time import seconds_of_children, seconds_of_session
from benchmarks.crash_recovery_stages import STAGES, Stage
from cargan_tf.config import load_config, override

#: How the program is started: without TensorFlow's graph optimizer, as most of the time until a
#: first step is done goes into it.
CARGAN = (
    sys.executable,
    "-c",
    """
import sys
if sys.argv[1] != "preprocess":
    import tensorflow as tf
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
from cargan_cli.main import main
main(sys.argv[1:])
""",
)

#: After so many kills one run is let through, as each must be compared in the end.
IN_A_ROW = 3
#: Seconds between two looks of the reader, and between two at the time that a command has taken.
PAUSE, TICK = 0.02, 0.05
#: Fraction of the kills of each command.
FRACTIONS = {"preprocess": 0.25, "train": 0.25, "export": 0.25, "reproduce": 0.25}
#: Of the log of a command that failed, so much is told.
LOG_END = 1000
#: Narrow networks and few steps: a kill is about files, not about figures.
TINY = (
    *("name=tiny", "audio.n_mels=16", "data.image_size=32", "data.records_per_shard=16"),
    *("model.generator_width=4", "model.discriminator_width=4", "model.attention=none"),
    "model.stages=1",
    *("classifier.blocks=[1,1,1,1]", "classifier.width=4", "classifier.epochs=1"),
    *("classifier.batch_size=8", "classifier.minimum_accuracy=0"),
    *(
        "evaluator.input_size=32",
        "evaluator.steps=2",
        "evaluator.batch_size=4",
        "evaluator.minimum_accuracy=0",
    ),
    *("sound_classifier.width=4", "sound_classifier.steps=2", "sound_classifier.batch_size=8"),
    *("training.batch_size=4", "training.steps=12", "training.checkpoint_steps=1"),
    *("monitor.log_steps=1", "monitor.grid_steps=6", "monitor.validation_steps=6"),
    "monitor.validation_clips=4",
)


@dataclass
class Outcome:
    """What happened to one command.

    Attributes:
        seconds: of CPU that the undisturbed run took, all its processes together.
        kills: of all its processes, and of the first alone.
        compared: runs that were let through, each with the result of the undisturbed one.
        looks: of the reader at something that was there.
        faults: whatever was not as promised.
    """

    stage: str
    seconds: float = 0.0
    kills: int = 0
    kills_alone: int = 0
    compared: int = 0
    looks: int = 0
    faults: list[str] = field(default_factory=list)


def survive(
    stage: Stage,
    material: Path,
    folder: Path,
    kills: int,
    draw: random.Random,
) -> Outcome:
    """Kill ``stage`` so many times and compare what comes of it.

    Args:
        stage: the command.
        material: what it reads; never changed.
        folder: for results; it is filled.
        kills: how many.
        draw: of the moments.
    """
    outcome = Outcome(stage.name)
    position = _fresh(stage, material, folder / "undisturbed")
    before = seconds_of_children()
    _finish(_start(stage, material, position), position, outcome)
    if outcome.faults:
        sys.exit(f"undisturbed: {outcome.faults[0]}")
    outcome.seconds, wanted = seconds_of_children() - before, stage.result(position)
    while outcome.kills < kills and not outcome.faults:
        position = _fresh(stage, material, folder / "killed")
        for _ in range(min(IN_A_ROW, kills - outcome.kills)):
            process = _start(stage, material, position)
            with _reading(stage, position, outcome):
                if not _kill(process, position, draw, outcome):
                    break
        else:
            with _reading(stage, position, outcome):
                _finish(_start(stage, material, position), position, outcome)
        if not outcome.faults:
            outcome.looks += stage.look(position)
            _compare(stage.result(position), wanted, outcome)
        told = f"{stage.name}: {outcome.kills} of {kills} kills, {outcome.compared} compared"
        print(told, file=sys.stderr, flush=True)
    return outcome


def _fresh(stage: Stage, material: Path, position: Path) -> Path:
    if position.exists():
        shutil.rmtree(position)
    position.mkdir(parents=True)
    stage.prepare(material, position)
    return position


def _start(stage: Stage, material: Path, position: Path) -> subprocess.Popen[bytes]:
    words = [*CARGAN, *stage.words(material, position)]
    log = (position / ".log").open("wb")
    return subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)


def _kill(
    process: subprocess.Popen[bytes], position: Path, draw: random.Random, outcome: Outcome
) -> bool:
    """At a moment of its own; one that ended before is not counted. Whether it was killed."""
    moment, alone = draw.uniform(0, outcome.seconds), draw.random() < 0.5
    while process.poll() is None and seconds_of_session(process.pid) < moment:
        time.sleep(TICK)
    if process.poll() is not None:
        _finish(process, position, outcome)
        return False
    if alone:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    outcome.kills += 1
    outcome.kills_alone += alone
    return True


def _finish(process: subprocess.Popen[bytes], position: Path, outcome: Outcome) -> None:
    status = process.wait()
    if status:
        log = (position / ".log").read_text("utf-8", errors="replace")
        outcome.faults.append(f"{process.args!r} left with {status}: {log[-LOG_END:]}")


def _compare(found: dict[str, str], wanted: dict[str, str], outcome: Outcome) -> None:
    other = sorted(name for name in found | wanted if found.get(name) != wanted.get(name))
    if other:
        outcome.faults.append(f"not as undisturbed: {', '.join(other[:9])} ({len(other)} in all)")
    outcome.compared += 1


@contextmanager
def _reading(stage: Stage, position: Path, outcome: Outcome) -> Iterator[None]:
    """Look at the results over and over within the block."""
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(PAUSE):
            try:
                outcome.looks += stage.look(position)
            except Exception as error:  # whatever it is, a reader met it
                outcome.faults.append(f"reader: {error!r}")
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        ended.set()
        reader.join()


def write_material(folder: Path) -> Path:
    """Source, configuration, data set with classifiers, and a run, made by the program itself."""
    folder.mkdir(parents=True)
    config = override(load_config("quickstart"), TINY)
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")), "utf-8")
    source, data, settings = folder / "source", folder / "data", ["--config", folder / "tiny.yaml"]
    for words in (
        ["sample-data", source, "--count", 18, "--clips", 1],
        ["preprocess", source, data, *settings],
        ["classifier", data],
        ["classifier", data, "--audio"],
        ["train", data, "--run", folder / "run"],
    ):
        subprocess.run([*CARGAN, *map(str, words)], check=True, capture_output=True)
    return folder


def main() -> None:
    """Kill all commands and print what was found, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(FRACTIONS), help="one command alone")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write there after each command")
    parser.add_argument("--material", type=Path, metavar="PATH", help="taken from there, or kept")
    arguments = parser.parse_args()
    told: dict[str, Any] = {"seed": arguments.seed, "cores": os.cpu_count(), "stages": []}
    with tempfile.TemporaryDirectory() as folder:
        material = arguments.material or Path(folder) / "material"
        if not material.exists():
            write_material(material)
        for stage in STAGES:
            fraction = (
                FRACTIONS[stage.name] if arguments.only is None else stage.name == arguments.only
            )
            kills = round(fraction * arguments.kills)
            if kills:
                draw = random.Random(f"{arguments.seed} {stage.name}")  # noqa: S311 (moments)
                outcome = survive(stage, material, Path(folder) / stage.name, kills, draw)
                told["stages"].append(asdict(outcome))
                if arguments.json:
                    arguments.json.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    print(json.dumps(told, indent=2))
    sys.exit(any(stage["faults"] for stage in told["stages"]))


if __name__ == "__main__":
    main()
