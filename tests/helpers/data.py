"""A source of real files, small enough that every test may read all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from cargan_tf.config import AudioConfig, Config, DataConfig, TrainingConfig

LABELS = ("cello", "flute", "violin")
RATE = 8_000
#: Recordings by split; no recording is in two of them.
RECORDINGS = {"train": ("00", "01"), "validation": ("02",), "test": ("03",)}
STARTS = (0, 500, 1000, 1500)


def write_clip(path: Path, frequency: float, seed: int, seconds: float = 0.5) -> None:
    times = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(size=times.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * frequency * times) + 0.01 * noise, RATE)


def contents(folder: Path) -> dict[str, bytes]:
    """Of every file of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def write_image(path: Path, seed: int, size: tuple[int, int] = (48, 36)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).resize(size).save(path)


@pytest.fixture(scope="session")
def config() -> Config:
    return Config(
        name="tiny",
        audio=AudioConfig(sample_rate=RATE, n_fft=256, hop_length=250, n_mels=16),
        data=DataConfig(image_size=32, records_per_shard=5),
        training=TrainingConfig(batch_size=4),
    )


@pytest.fixture(scope="session")
def pristine_tree(tmp_path_factory) -> Path:
    """Sub-URMP's folders: 24 training pairs, 12 for validation, 12 to test."""
    root = tmp_path_factory.mktemp("source") / "Sub-URMP"
    seed = 0
    for split, recordings in RECORDINGS.items():
        for position, label in enumerate(LABELS):
            for recording in recordings:
                for start in STARTS:
                    seed += 1
                    stem = f"{split}/{label}/{label}{recording}_{start}"
                    write_clip(root / f"chunk/{stem}.wav", 200 * (position + 1) + seed, seed)
                    write_image(root / f"img/{stem}.jpg", seed)
    return root


@pytest.fixture
def tree(pristine_tree, tmp_path) -> Path:
    """A copy that a test may damage, times of change included."""
    return Path(shutil.copytree(pristine_tree, tmp_path / "Sub-URMP"))


@pytest.fixture(scope="session")
def dataset_path(pristine_tree, tmp_path_factory, config) -> Path:
    """A data set made of the whole tree by one process."""
    from cargan_tf.data.preprocessing.preprocess import preprocess

    out = tmp_path_factory.mktemp("made") / "dataset"
    preprocess(pristine_tree, out, config, workers=1)
    return out


@pytest.fixture(scope="session")
def dataset(dataset_path):
    from cargan_tf.data.dataset import load_dataset

    return load_dataset(dataset_path)
