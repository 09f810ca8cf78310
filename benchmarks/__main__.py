"""All benchmarks, each measurement in a process of its own; a table, and JSON where wanted.

python -m benchmarks --json figures.json
python -m benchmarks --only training --only start-up
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.table import rows_of, table_of

#: Name -> module of this package and its arguments, in the order of the table. What is compared
#: with each other is measured one after the other.
MEASUREMENTS: dict[str, Sequence[str]] = {
    "training 128 ours": ("training_step", "--size=128"),
    "training 128 authors": ("training_step", "--size=128", "--way=authors"),
    "training 128 replicas": ("training_step", "--size=128", "--replicas=4"),
    "training quickstart ours": ("training_step", "--name=quickstart"),
    "training quickstart replicas": ("training_step", "--name=quickstart", "--replicas=4"),
    "training 64×64 ours": ("training_step", "--size=64", "--batch=64", "--repetitions=4"),
    "training 64×64 replicas": (
        *("training_step", "--size=64", "--batch=64"),
        *("--replicas=4", "--repetitions=4"),
    ),
    "training 256 ours": ("training_step", "--size=256"),
    "training 256 plain-attention": ("training_step", "--size=256", "--way=plain-attention"),
    "training 256 authors": ("training_step", "--size=256", "--way=authors", "--repetitions=4"),
    "inference 128×1 ours": ("inference", "--size=128", "--batch=1"),
    "inference 128×1 authors": ("inference", "--size=128", "--batch=1", "--way=authors"),
    "inference 128×16 ours": ("inference", "--size=128", "--batch=16", "--repetitions=7"),
    "inference 128×16 authors": (
        *("inference", "--size=128", "--batch=16"),
        *("--way=authors", "--repetitions=7"),
    ),
    "inference 256×1 ours": ("inference", "--size=256", "--batch=1", "--repetitions=9"),
    "inference 256×1 authors": (
        *("inference", "--size=256", "--batch=1"),
        *("--way=authors", "--repetitions=9"),
    ),
    "inference 256×16 ours": ("inference", "--size=256", "--batch=16", "--repetitions=3"),
    "inference 256×16 authors": (
        *("inference", "--size=256", "--batch=16"),
        *("--way=authors", "--repetitions=3"),
    ),
    "preprocessing paper, grain": ("preprocessing", "--name=paper"),
    "preprocessing paper, video": ("preprocessing", "--name=paper", "--kind=video"),
    "preprocessing quickstart, grain": ("preprocessing", "--name=quickstart"),
    "preprocessing quickstart, video": ("preprocessing", "--name=quickstart", "--kind=video"),
    "start-up": ("start_up",),
    "backends": ("backends",),
    "live": ("live",),
    "web": ("web",),
    "folder 64": ("folder", "--size=64"),
    "folder 128": ("folder", "--size=128"),
    "waiting quickstart": ("input_share", "--name=quickstart"),
    "waiting paper, batch 2": ("input_share", "--name=paper", "--batch=2", "--steps=8"),
    "op_variants": ("op_variants",),  # no rows: its figures stand in the JSON
}


def main() -> None:
    """Run them and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there too")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="WORD",
        help="names that begin so; repeatable",
    )
    arguments = parser.parse_args()
    wanted = [name for name in MEASUREMENTS if name.startswith(tuple(arguments.only) or "")]
    if not wanted:
        parser.error(f"no measurement of that name; there are: {', '.join(MEASUREMENTS)}")
    console = Console(stderr=True)
    measured: dict[str, dict[str, Any]] = {}
    for name in track(wanted, "Measuring", console=console):
        measured[name] = run(*MEASUREMENTS[name])
        console.print(name, measured[name])
        if arguments.json:
            arguments.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    Console().print(table_of(rows_of(measured)))


def run(module: str, *arguments: str) -> dict[str, Any]:
    """The figures of one measurement, from a process of its own."""
    command = (sys.executable, "-m", f"benchmarks.{module}", *arguments)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
