"""Seconds until the command line has answered: ``cargan --help``, ``generate``, ``demo``.

    python -m benchmarks.start_up

``generate`` draws one sound by a model of the quickstart's size; what it costs beyond an
interpreter that imports TensorFlow and does nothing is what counts. ``demo`` has answered when a
browser sees its page, which may still be loading the model.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import soundfile

from benchmarks.measuring import parse_and_report, seconds_of
from benchmarks.sub_urmp_like import LABEL, RATE, sound
from cargan_tf.config import load_config

CARGAN = (sys.executable, "-m", "cargan_cli.main")


def measure(repetitions: int, tiny: bool) -> dict[str, Any]:
    """Medians of commands run in turns."""
    with tempfile.TemporaryDirectory() as folder:
        model, audio = write_model(Path(folder) / "model", tiny), Path(folder) / "sound.wav"
        soundfile.write(audio, sound(np.random.default_rng(0)), RATE)
        image = str(Path(folder) / "image.png")
        sound_to_image = ("generate", str(audio), "--label", LABEL, "--model", str(model))
        commands = {
            "help": (*CARGAN, "--help"),
            "generate": (*CARGAN, *sound_to_image, "-o", image),
            "importing_tensorflow": (sys.executable, "-c", "import tensorflow"),
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(1 if tiny else repetitions):
            for name, command in commands.items():
                taken[name].append(seconds_of(lambda command=command: _run(command)))
            taken.setdefault("demo", []).append(_first_answer(model))
    seconds = {name: statistics.median(values) for name, values in taken.items()}
    return {
        **{f"{name}_seconds": value for name, value in seconds.items()},
        "generate_beyond_import_seconds": seconds["generate"] - seconds["importing_tensorflow"],
    }


def _first_answer(model: Path) -> float:
    """Seconds from the call of ``cargan demo`` to its first answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ("demo", "--model", str(model), "--port", str(port), "--no-browser")
    began = time.perf_counter()
    process = subprocess.Popen(
        (*CARGAN, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while process.poll() is None:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/", timeout=60):
                return time.perf_counter() - began
            time.sleep(0.01)
        sys.exit("cargan demo failed")
    finally:
        process.terminate()
        process.wait()


def write_model(folder: Path, tiny: bool = False) -> Path:
    """An exported model of the quickstart's size, weights by chance, in a process of its own."""
    code = f"from benchmarks.start_up import export; export({str(folder)!r}, {tiny})"
    _run((sys.executable, "-c", code))
    return folder


def export(folder: str, tiny: bool) -> None:
    """Called by ``write_model``."""
    import tensorflow as tf

    from benchmarks.networks import TINY, new_serving_module
    from cargan_tf.export.metadata import METADATA_FILE
    from cargan_tf.utils.files import write_json

    model, metadata = new_serving_module(load_config("quickstart", TINY if tiny else ()))
    version = Path(folder) / "1"
    tf.saved_model.save(model, str(version), signatures=model.signatures)
    write_json(version / METADATA_FILE, metadata.to_json())


def _run(command: tuple[str, ...]) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parse_and_report(parser, measure)
