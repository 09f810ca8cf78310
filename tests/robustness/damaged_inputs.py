"""Damaged and exotic files through ``cargan preprocess`` and ``cargan generate``.

    python -m tests.robustness.damaged_inputs --inputs 1000

Half of the inputs are sounds, the rest images and a few videos, made from whole files by a seeded
generator: bits flipped, cut short, empty, of another format than the name says, with headers that
claim gigabytes, pipes, folders, links in a circle; and valid ones of every exotic kind, which must
not be refused. Sounds go through both commands. What must hold: no traceback, no hang, less than
2 GB of memory, each file that is refused is named, and each valid one arrives.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import parse_and_report

from .damaged_files import Input, write_inputs, write_whole

#: Runs a command and says at the end how much memory its processes took. It is small itself: what a
#: process is forked from counts as its own.
MEASURED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(f"\\n{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}", file=sys.stderr)
sys.exit(done.returncode)
"""
CARGAN = (sys.executable, "-m", "cargan_cli.main")
INPUTS, SEED = 1000, 7
#: Of memory that one process may take.
MAX_GIB = 2.0
#: A hang is what takes longer: to start, and for each input.
START_SECONDS, INPUT_SECONDS = 300, 2
#: Small images and short analyses: what is tried here is reading.
SETTINGS = ("--config", "quickstart", "--set", "data.image_size=32")


@dataclass(frozen=True)
class Outcome:
    """Which inputs a command refused, by name, and how much memory its processes took at most."""

    refused: frozenset[str]
    peak_gib: float


def measure(inputs: int, seed: int, model: Path | None, tiny: bool) -> dict[str, Any]:
    """Make the files, run the commands, hold what comes out against what must.

    Args:
        inputs: how many files.
        seed: of the generator.
        model: that draws; without it the one that comes with the package.
        tiny: 60 inputs.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = write_inputs(root / "inputs", 60 if tiny else inputs, seed)
        outcomes = {
            "preprocess": preprocessed(root, made),
            "preprocess videos": videos_preprocessed(root, made),
            "generate": generated(root, made, model),
        }
        check(made, outcomes)
    return {
        "inputs": len(made),
        "seed": seed,
        "kinds": dict(Counter(item.kind for item in made)),
        "refused": {name: len(outcome.refused) for name, outcome in outcomes.items()},
        "tried": {name: len(_through(made, name)) for name in outcomes},
        "peak_gib": {name: round(outcome.peak_gib, 2) for name, outcome in outcomes.items()},
    }


def check(made: Sequence[Input], outcomes: dict[str, Outcome]) -> None:
    """That every valid input arrived and every one that cannot be read was refused.

    Raises:
        AssertionError: one did not, or memory was taken beyond the bound.
    """
    for name, outcome in outcomes.items():
        assert outcome.peak_gib < MAX_GIB, f"{name} took {outcome.peak_gib:.2f} GiB"
        for item in _through(made, name):
            refused = item.name in outcome.refused
            assert not (refused and item.arrives), f"{name} refused {item}"
            assert refused or item.arrives is not False, f"{name} took {item}"


def preprocessed(root: Path, made: Sequence[Input]) -> Outcome:
    """A manifest of pairs, each a file of ``made`` and a whole one of the other kind."""
    files = root / "inputs"
    whole_sound, whole_image = write_whole(files)
    rows = []
    for position, item in enumerate(_through(made, "preprocess")):
        pair = (whole_sound, item.name) if item.is_image else (item.name, whole_image)
        rows.append(("train", "violin", f"r{position:04d}", 0, *pair))
    # Pairs that are whole, so that there is something to train on whatever becomes of the others.
    rows += [
        ("train", "cello", f"whole{position}", 0, whole_sound, whole_image) for position in range(2)
    ]
    with (files / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("split", "label", "recording", "start_ms", "audio", "image"))
        writer.writerows(rows)
    lines = {}  # line of the table at which a row ends, as names may hold line feeds
    line = 1
    for position, row in enumerate(rows):
        line += 1 + sum(str(value).count("\n") for value in row)
        lines[line] = f"r{position:04d}"
    data = root / "data"
    peak = run(("preprocess", str(files), str(data), *SETTINGS), len(rows))
    described = json.loads((data / "dataset.json").read_text("utf-8"))
    kept = sum(described["counts"]["train"].values())
    assert kept + len(described["skipped"]) == len(rows), "a pair is neither there nor named"
    named = {_recording(left["what"], lines) for left in described["skipped"]}
    through = _through(made, "preprocess")
    return Outcome(frozenset(through[int(name[1:])].name for name in named), peak)


def videos_preprocessed(root: Path, made: Sequence[Input]) -> Outcome:
    """A table of videos."""
    files = root / "inputs"
    videos = _through(made, "preprocess videos")
    with (files / "videos.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("video", "label", "split"))
        writer.writerows((item.name, "violin", "train") for item in videos)
    data = root / "data-of-videos"
    peak = run(("preprocess", str(files / "videos.csv"), str(data), *SETTINGS), len(videos))
    described = json.loads((data / "dataset.json").read_text("utf-8"))
    arrived = set(described["recordings"]["train"]["violin"])
    refused = frozenset(item.name for item in videos if Path(item.name).stem not in arrived)
    said = "\n".join(f"{left['what']} {left['why']}" for left in described["skipped"])
    for name in refused:
        line = 2 + [item.name for item in videos].index(name)
        named = f"line {line} " in said or f"/{Path(name).stem}/" in said
        assert named, f"preprocess did not name {name}"
    return Outcome(refused, peak)


def generated(root: Path, made: Sequence[Input], model: Path | None) -> Outcome:
    """All sounds in one call."""
    sounds = _through(made, "generate")
    paths = {item.name: root / "inputs" / item.name for item in sounds}
    words: list[str | bytes] = ["generate", *map(os.fsencode, paths.values())]
    words += ["--label", "violin", "-o", str(root / "images"), "--json"]
    words += [] if model is None else ["--model", str(model)]
    lines: list[str] = []
    peak = run(words, len(sounds), expected=(0, 2), lines=lines)
    answers = {answer["path"]: answer for answer in map(json.loads, lines)}
    differ = answers.keys() ^ set(map(str, paths.values()))
    assert not differ, f"generate did not answer for each: {differ}"
    for answer in answers.values():
        assert "error" in answer or Path(answer["output"]).stat().st_size
    return Outcome(
        frozenset(name for name, path in paths.items() if "error" in answers[str(path)]), peak
    )


def run(
    words: Sequence[str | bytes],
    inputs: int,
    expected: Sequence[int] = (0,),
    lines: list[str] | None = None,
) -> float:
    """Run ``cargan``; the greatest memory of its processes in GiB. ``lines`` takes its output."""
    done = subprocess.run(
        (sys.executable, "-c", MEASURED, *CARGAN, *words),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=START_SECONDS + INPUT_SECONDS * inputs,
    )
    errors, _, kibibytes = done.stderr.decode().rstrip().rpartition("\n")
    assert b"Traceback" not in done.stderr, errors
    assert done.returncode in expected, errors
    if lines is not None:
        lines += done.stdout.decode().splitlines()
    return int(kibibytes) / 2**20


def _through(made: Sequence[Input], command: str) -> list[Input]:
    """Inputs that go through a command, in order; a table in UTF-8 cannot name every file."""
    if command == "preprocess videos":
        return [item for item in made if item.is_video]
    if command == "generate":
        return [item for item in made if item.is_sound]
    return [item for item in made if not item.is_video and item.is_text]


def _recording(what: str, lines: dict[int, str]) -> str:
    """``manifest.csv line 7`` or ``train/violin/r0005/0`` to ``r0005``."""
    _, _, line = what.partition(" line ")
    return lines[int(line)] if line else what.split("/")[2]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--inputs", type=int, default=INPUTS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--model", type=Path, help="that draws  [default: the shipped one]")
    parse_and_report(parser, measure)
