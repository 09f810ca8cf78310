"""Clips a second from Sub-URMP's files to what is trained on, beside two plain loops.

    python -m benchmarks.preprocessing --name paper --kind video

The first loop does one pair after the other: librosa.load, melspectrogram, power_to_db, Pillow's
open and resize, and one file a pair. The second is what users of the authors' code do: the log-mel
is drawn by matplotlib and saved as a PNG, the image beside it. ``cargan preprocess`` is measured
whole, its processes' start and the import of TensorFlow included, and without: what it costs to go
from one number of pairs to twice as many.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.measuring import parse_and_report
from benchmarks.sub_urmp_like import KINDS, write_tree
from cargan_tf.config import Config, load_config

#: Pairs of the loops, and of ours once and twice.
LOOP_PAIRS, PAIRS = 60, 640

Pair = Callable[[Path, Path, Config, Path], None]


def plain_pair(audio: Path, image: Path, config: Config) -> tuple[NDArray[Any], NDArray[Any]]:
    """Log-mel [n_mels, frames] and image [size, size, 3], as one writes it down first."""
    import librosa

    settings, size = config.audio, config.data.side
    samples, rate = librosa.load(audio, sr=settings.sample_rate)
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=rate,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        pad_mode="constant",
    )
    log_mel = librosa.power_to_db(power, amin=10.0 ** (settings.floor_db / 10.0), top_db=None)
    pixels = Image.open(image).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
    return log_mel.astype(np.float32), np.asarray(pixels)


def write_arrays(audio: Path, image: Path, config: Config, out: Path) -> None:
    """One turn of the plain loop."""
    log_mel, pixels = plain_pair(audio, image, config)
    np.savez(out / image.stem, log_mel=log_mel, image=pixels)


def write_images(audio: Path, image: Path, config: Config, out: Path) -> None:
    """One turn of the users' loop: two images of the size that is trained on."""
    import librosa.display
    import matplotlib.pyplot as plt

    log_mel, pixels = plain_pair(audio, image, config)
    inches = config.data.side / 100
    figure = plt.figure(figsize=(inches, inches), dpi=100)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.axis("off")
    librosa.display.specshow(
        log_mel, sr=config.audio.sample_rate, hop_length=config.audio.hop_length, ax=axes
    )
    figure.savefig(out / f"{image.stem}.png")
    plt.close(figure)
    Image.fromarray(pixels).save(out / image.name)


def loop_seconds(
    tree: Path, config: Config, out: Path, pairs: int, pair: Pair
) -> tuple[float, float]:
    """A pair's time in a loop, and its CPU; imports and first call not counted."""
    images = sorted((tree / "img").glob("*/*/*.jpg"))
    out.mkdir()
    for index, image in enumerate(images[: pairs + 1]):
        if index == 1:
            began, cpu = time.perf_counter(), _cpu_seconds()
        audio = tree / "chunk" / image.relative_to(tree / "img").with_suffix(".wav")
        pair(audio, image, config, out)
    return (time.perf_counter() - began) / pairs, (_cpu_seconds() - cpu) / pairs


def our_seconds(tree: Path, config: Config, out: Path) -> tuple[float, float]:
    """``preprocess`` as a whole: by the clock, and of all its processes' CPU."""
    from cargan_tf.data.preprocessing.preprocess import preprocess

    began, cpu = time.perf_counter(), _cpu_seconds()
    preprocess(tree, out, config)
    return time.perf_counter() - began, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def measure(name: str, kind: str, tiny: bool) -> dict[str, Any]:
    """For one of the shipped configurations and kinds of image."""
    config = load_config(name)
    loop_pairs, pairs = (2, 4) if tiny else (LOOP_PAIRS, PAIRS)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        once = write_tree(root / "once", pairs, kind=kind)
        twice = write_tree(root / "twice", 2 * pairs, kind=kind)
        loop, loop_cpu = loop_seconds(once, config, root / "loop", loop_pairs, write_arrays)
        generated, drawn_cpu = loop_seconds(once, config, root / "drawn", loop_pairs, write_images)

        first, first_cpu = our_seconds(once, config, root / "data_once")
        second, second_cpu = our_seconds(twice, config, root / "data_twice")
        jpegs = [file.stat().st_size for file in (once / "img").glob("*/*/*.jpg")]
    return {
        "kilobytes_per_jpeg": sum(jpegs) / len(jpegs) / 1000,
        "loop_pairs_per_second": 1 / loop,
        "loop_cpu_seconds_per_pair": loop_cpu,
        "drawing_loop_pairs_per_second": 1 / generated,
        "drawing_loop_cpu_seconds_per_pair": drawn_cpu,
        "pairs_per_second": pairs / (second - first),
        "whole_pairs_per_second": 2 * pairs / second,
        "cpu_seconds_per_pair": (second_cpu - first_cpu) / pairs,
        "times_the_loop": loop * pairs / (second - first),
        "times_the_drawing_loop": generated * pairs / (second - first),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--name", default="paper", help="of the configuration")
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0], help="of image")
    parse_and_report(parser, measure)
