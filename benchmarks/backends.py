"""The shipped model by ONNX Runtime beside TensorFlow, in turns: images, a folder, the start.

    python -m benchmarks.backends

Seconds of the whole command, from the start of its process to the image, and its peak memory too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.measuring import parse_and_report, seconds_of
from benchmarks.start_up import CARGAN
from benchmarks.sub_urmp_like import LABEL, RATE, sound
from cargan_tf.audio.clips import cut_clip
from cargan_tf.export.model_registry import exported_version
from cargan_tf.inference.backend import BACKEND_VARIABLE
from cargan_tf.inference.generator import BATCH_SIZE, Generator
from cargan_tf.inference.image_io import plan_outputs, save_image, save_in_background

MODEL = Path("players-128")
BACKENDS = ("onnxruntime", "tensorflow")
CLIPS = 200


def measure(repetitions: int, tiny: bool) -> dict[str, Any]:
    """Medians, or of processes the least; ``times_…`` are TensorFlow's by ONNX Runtime's."""
    repetitions, clips = (1, BATCH_SIZE) if tiny else (repetitions, CLIPS)
    version = exported_version(MODEL)
    generators = {backend: Generator.load(version, backend) for backend in BACKENDS}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        sounds = Path(folder) / "sounds"
        sounds.mkdir()
        random = np.random.default_rng(0)
        for clip in range(clips):
            soundfile.write(sounds / f"{clip:03d}.wav", sound(random), RATE)
        for name, count, works in (
            ("single", 1, _batches(generators, 1)),
            ("batch", BATCH_SIZE, _batches(generators, BATCH_SIZE)),
            ("folder", clips, _folders(generators, sounds)),
        ):
            seconds = _in_turns(works, repetitions)
            for backend in BACKENDS:
                found[f"{name}_{backend}_images_per_second"] = count / seconds[backend]
            found[f"times_{name}"] = seconds["tensorflow"] / seconds["onnxruntime"]
        file = sounds / "000.wav"
        for name, words in (("generate", ("--label", LABEL)), ("recognize", ())):
            for backend in BACKENDS:
                runs = [_run(file, version, words, backend) for _ in range(repetitions)]
                found[f"{name}_{backend}_seconds"] = min(run[0] for run in runs)
                found[f"{name}_{backend}_gib"] = max(run[1] for run in runs)
    return found


def _batches(generators: Mapping[str, Generator], count: int) -> dict[str, Callable[[], object]]:
    """Generates one batch, by backend."""
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)

    def work(generator: Generator) -> Callable[[], object]:
        clips = [cut_clip(noise, index, generator.clip_samples) for index in range(count)]
        return lambda: generator.generate_clips(clips, [LABEL] * count)

    return {backend: work(generator) for backend, generator in generators.items()}


def _folders(generators: Mapping[str, Generator], sounds: Path) -> dict[str, Callable[[], object]]:
    """Generates a folder of images from a folder of sounds, by backend."""

    def work(generator: Generator) -> None:
        images = sounds.parent / "images"
        plan = plan_outputs([sounds], images)
        made = generator.generate_files(list(plan), [LABEL] * len(plan))
        for _ in save_in_background(made, lambda one: save_image(one[1].image, plan[one[0]])):
            pass
        shutil.rmtree(images)

    return {
        backend: lambda generator=generator: work(generator)
        for backend, generator in generators.items()
    }


def _in_turns(works: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Median seconds of each, after one call unmeasured."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(repetitions):
        for name, work in works.items():
            taken[name].append(seconds_of(work))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _run(file: Path, version: Path, words: tuple[str, ...], backend: str) -> tuple[float, float]:
    """Seconds and GiB of ``cargan generate``."""
    command = (*CARGAN, "generate", file, *words, "--model", version, "-o", file.parent / "a.png")
    peak = 0.0

    def work() -> None:
        nonlocal peak
        process = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, BACKEND_VARIABLE: backend},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{command} failed")
        peak = usage.ru_maxrss / 2**20

    return seconds_of(work), peak


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parse_and_report(parser, measure)
