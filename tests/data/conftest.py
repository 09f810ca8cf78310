"""A source of real files, small enough that every test may read all of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from cargan_tf.config.schema import AudioConfig, Config, DataConfig, TrainingConfig

LABELS = ("cello", "flute", "violin")
RATE = 8_000
#: Recordings by split; no recording is in two of them.
RECORDINGS = {"train": ("00", "01"), "validation": ("02",), "test": ("03",)}
STARTS = (0, 500, 1000, 1500)
VIDEO_FRAMES_A_SECOND = 10
VIDEO_RATE = 16_000
VIDEO_SIZE = (64, 32)  # width, height


def write_clip(path: Path, frequency: float, seed: int, seconds: float = 0.5) -> None:
    times = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(size=times.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * frequency * times) + 0.01 * noise, RATE)


def write_picture(path: Path, seed: int, size: tuple[int, int] = (48, 36)) -> None:
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
        for place, label in enumerate(LABELS):
            for recording in recordings:
                for start in STARTS:
                    seed += 1
                    stem = f"{split}/{label}/{label}{recording}_{start}"
                    write_clip(root / f"chunk/{stem}.wav", 200 * (place + 1) + seed, seed)
                    write_picture(root / f"img/{stem}.jpg", seed)
    return root


@pytest.fixture
def tree(pristine_tree, tmp_path) -> Path:
    """A copy that a test may damage, times of change included."""
    return Path(shutil.copytree(pristine_tree, tmp_path / "Sub-URMP"))


@pytest.fixture(scope="session")
def dataset_path(pristine_tree, tmp_path_factory, config) -> Path:
    """A data set made of the whole tree by one process."""
    from cargan_tf.data.preprocess import preprocess

    out = tmp_path_factory.mktemp("made") / "dataset"
    preprocess(pristine_tree, out, config, workers=1)
    return out


@pytest.fixture(scope="session")
def dataset(dataset_path):
    from cargan_tf.data.dataset import load_dataset

    return load_dataset(dataset_path)


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    """Writes a real mp4: ``write_video(path, 2.5, picture=brighter, frequency=None)``."""
    return _write_video


def brighter(seconds: float) -> np.ndarray:
    """[32, 64, 3]: brighter from second to second."""
    return np.full((VIDEO_SIZE[1], VIDEO_SIZE[0], 3), min(255, 40 + round(40 * seconds)), np.uint8)


def _write_video(
    path: Path,
    seconds: float,
    picture: Callable[[float], np.ndarray] = brighter,
    frequency: float | None = 440.0,
) -> Path:
    """An mp4 of ``seconds``; a tone from 1 s on, or no sound at all where there is no frequency."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=VIDEO_FRAMES_A_SECOND)
        video.width, video.height = VIDEO_SIZE
        video.pix_fmt, video.gop_size, video.bit_rate = "yuv420p", 15, 1_000_000
        sound = frequency and container.add_stream("aac", rate=VIDEO_RATE, layout="mono")
        for index in range(round(seconds * VIDEO_FRAMES_A_SECOND)):
            frame = av.VideoFrame.from_ndarray(
                picture(index / VIDEO_FRAMES_A_SECOND), format="rgb24"
            )
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound:
            _mux_tone(container, sound, seconds, frequency)
    return path


def _mux_tone(container, stream, seconds: float, frequency: float) -> None:
    import av

    times = np.arange(round(seconds * VIDEO_RATE)) / VIDEO_RATE
    tone = (0.3 * np.sin(2 * np.pi * frequency * times) * (times >= 1)).astype(np.float32)
    for start in range(0, len(tone), 1024):
        frame = av.AudioFrame.from_ndarray(
            tone[None, start : start + 1024], format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = VIDEO_RATE, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
