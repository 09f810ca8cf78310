"""Clips a second from Sub-URMP's files to what is trained on, beside a plain loop.

    python -m benchmarks.preprocessing --name paper

The loop does one pair after the other: librosa.load, melspectrogram, power_to_db, Pillow's open and
resize, and one file a pair. ``cargan preprocess`` is measured whole, its processes' start and the
import of TensorFlow included, and without: what it costs to go from one number of pairs to twice as
many.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.measuring import parse_and_report
from benchmarks.sub_urmp_like import write_tree
from cargan_tf.config import Config, load_config

#: Pairs of the loop, and of ours once and twice.
LOOP_PAIRS, PAIRS = 60, 640


def plain_pair(audio: Path, image: Path, config: Config) -> tuple[NDArray[Any], NDArray[Any]]:
    """Log-mel [n_mels, frames] and picture [size, size, 3], as one writes it down first."""
    import librosa

    settings, size = config.audio, config.data.image_size
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
    picture = Image.open(image).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
    return log_mel.astype(np.float32), np.asarray(picture)


def loop_seconds(tree: Path, config: Config, out: Path, pairs: int) -> float:
    """A pair's time in the loop, librosa's import and first call not counted."""
    images = sorted((tree / "img").glob("*/*/*.jpg"))
    out.mkdir()
    for index, image in enumerate(images[: pairs + 1]):
        if index == 1:
            began = time.perf_counter()
        audio = tree / "chunk" / image.relative_to(tree / "img").with_suffix(".wav")
        log_mel, picture = plain_pair(audio, image, config)
        np.savez(out / image.stem, log_mel=log_mel, picture=picture)
    return (time.perf_counter() - began) / pairs


def our_seconds(tree: Path, config: Config, out: Path) -> tuple[float, float]:
    """``preprocess`` as a whole: by the clock, and of all its processes' CPU."""
    from cargan_tf.data.preprocess import preprocess

    began, cpu = time.perf_counter(), _cpu_seconds()
    preprocess(tree, out, config)
    return time.perf_counter() - began, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def measure(name: str, tiny: bool) -> dict[str, Any]:
    """For one of the shipped configurations."""
    config = load_config(name)
    loop_pairs, pairs = (2, 4) if tiny else (LOOP_PAIRS, PAIRS)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        once, twice = write_tree(root / "once", pairs), write_tree(root / "twice", 2 * pairs)
        loop = loop_seconds(once, config, root / "loop", loop_pairs)
        import cargan_tf.data.shards  # noqa: F401  # TensorFlow, which takes seconds

        first, first_cpu = our_seconds(once, config, root / "data_once")
        second, second_cpu = our_seconds(twice, config, root / "data_twice")
    return {
        "loop_pairs_per_second": 1 / loop,
        "pairs_per_second": pairs / (second - first),
        "whole_pairs_per_second": 2 * pairs / second,
        "cpu_seconds_per_pair": (second_cpu - first_cpu) / pairs,
        "times_the_loop": loop * pairs / (second - first),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--name", default="paper", help="of the configuration")
    parse_and_report(parser, measure)
