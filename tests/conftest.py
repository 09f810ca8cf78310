"""What several parts of the tests share: a tiny data set and all that is made of it, made once."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

# A test process a core: NumPy's own threads would but wait for each other. Before NumPy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
import soundfile
from PIL import Image

from cargan_tf.config import (
    AudioConfig,
    ClassifierConfig,
    Config,
    DataConfig,
    EvaluatorConfig,
    ModelConfig,
    MonitorConfig,
    SoundClassifierConfig,
    TrainingConfig,
    override,
)

if TYPE_CHECKING:
    import tensorflow as tf

    from cargan_tf.data.dataset import DatasetInfo
    from cargan_tf.inference.generator import Generator
    from cargan_tf.models.cargan import Cascade

RATE = 8_000
COLOURS = {"cello": (200, 60, 40), "flute": (40, 200, 70), "violin": (50, 60, 210)}
#: Clips of each player of each instrument; every split has recordings of its own.
CLIPS = {"train": 4, "validation": 2, "test": 2}
CLIP_MS = 500
VIDEO_FRAMES_A_SECOND = 10
VIDEO_RATE = 16_000
VIDEO_SIZE = (64, 32)  # width, height


# A shell starts background jobs with Ctrl-C ignored; the tests of it need Python's own handler.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure() -> None:
    """A shell that runs the tests in the background has them ignore Ctrl-C, which some press."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no process is left alone with one of them in the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def four_replicas() -> tf.distribute.MirroredStrategy:
    """The one strategy of several replicas in this process.

    TensorFlow numbers collective operations by strategy, all from the same number, and expects
    those of one number to agree: a second strategy of several replicas would break both.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy([f"/cpu:{index}" for index in range(4)])


@pytest.fixture(scope="module")
def eager() -> Iterator[None]:
    """Functions run op by op for the rest of the module: tracing a step takes as long as some eight
    steps do. What is exported is traced all the same, and so is what reads data."""
    from helpers.tensorflow_process import eagerly

    with eagerly():
        yield


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """64 pixels, the least size whose generators have dropout; everything else is narrow."""
    return Config(
        name="tiny",
        audio=AudioConfig(sample_rate=RATE, n_fft=256, hop_length=250, n_mels=16),
        data=DataConfig(image_size=64, records_per_shard=8, freq_mask=2, time_mask=2),
        # Wide enough a start that the sound shows in the images after six steps.
        model=ModelConfig(generator_width=4, discriminator_width=4, init_stddev=0.2),
        classifier=ClassifierConfig(
            blocks=(1, 1, 1, 1),
            width=4,
            weights="none",
            epochs=20,
            batch_size=8,
            learning_rate=0.01,
            minimum_accuracy=0.9,
        ),
        evaluator=EvaluatorConfig(
            count=2, input_size=64, steps=24, batch_size=8, noise=0.1, minimum_accuracy=0.5
        ),
        sound_classifier=SoundClassifierConfig(width=4, steps=5, batch_size=8),
        training=TrainingConfig(
            batch_size=4, steps=6, learning_rate=2e-3, checkpoint_steps=3, keep_checkpoints=1
        ),
        monitor=MonitorConfig(log_steps=1, grid_steps=3, validation_steps=3, validation_clips=12),
    )


@pytest.fixture(scope="session")
def baseline_config(tiny_config) -> Callable[..., Config]:
    """``baseline_config("s2ic", "data.image_size=32")``: tiny, but another system."""
    widths = {
        "s2ic": ["encoder_width=2", "generator_width=2", "discriminator_width=2", "features=8"],
        "cmcgan": ["encoder_width=2", "decoder_width=2", "discriminator_width=2", "code=8"],
    }

    def make(kind: str, *overrides: str) -> Config:
        sizes = [f"{kind}.{text}" for text in (*widths[kind], "latent=4")]
        return override(tiny_config, [f"model.kind={kind}", *sizes, *overrides])

    return make


@pytest.fixture(scope="session")
def tiny_source(tmp_path_factory) -> Path:
    """48 pairs: the instrument is the color, the player a square's place and the overtones."""
    root = tmp_path_factory.mktemp("tiny_source")
    rows = []
    for split, clips in CLIPS.items():
        for position, label in enumerate(COLOURS):
            for player in range(2):
                recording = f"{label}_{player}_{split}"
                for clip in range(clips):
                    seed = len(rows)
                    name = f"{recording}_{clip}"
                    _write_sound(
                        root / f"{name}.wav", 220 * (position + 2) + 9 * seed, player, seed
                    )
                    _write_image(root / f"{name}.png", COLOURS[label], player, seed)
                    rows.append(
                        (
                            *(split, label, recording, clip * CLIP_MS),
                            *(f"{name}.wav", f"{name}.png", f"{label}_player_{player}"),
                        )
                    )
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "label", "recording", "start_ms", "audio", "image", "player"])
        writer.writerows(rows)
    return root


@pytest.fixture(scope="session")
def tiny_data(tiny_source, tiny_config, tmp_path_factory) -> Path:
    """A prepared data set: 24 training pairs, 12 for validation, 12 to test, three labels."""
    from cargan_tf.data.preprocessing.preprocess import preprocess

    data = tmp_path_factory.mktemp("tiny_data") / "data"
    preprocess(tiny_source, data, tiny_config, workers=1)
    return data


@pytest.fixture(scope="session")
def tiny_classifier(tiny_data, tiny_config) -> Path:
    """The folder of a classifier that is good enough, where training looks for it; one of sounds,
    which is not, beside it."""
    from cargan_tf.training.classifiers.train_classifier import FOLDER, train_classifier
    from cargan_tf.training.classifiers.train_sound_classifier import train_sound_classifier

    train_classifier(tiny_data, tiny_config)
    train_sound_classifier(tiny_data, tiny_config)
    return tiny_data / FOLDER


@pytest.fixture(scope="session")
def tiny_run(tiny_data, tiny_classifier, tiny_config, tmp_path_factory) -> Path:
    """The folder of a run of six steps on one device. Copy it before you change it."""
    from helpers.tensorflow_process import eagerly

    from cargan_tf.training.distribution import make_strategy
    from cargan_tf.training.run import Run
    from cargan_tf.training.trainer import Trainer

    folder = tmp_path_factory.mktemp("tiny_run") / "run"
    with eagerly(False):  # whoever asks first: some compare their steps with these bit for bit
        Trainer(Run(folder), tiny_data, tiny_config, make_strategy()).train()
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_run, tmp_path_factory) -> Path:
    """The folder of an exported model, with one version in it."""
    from cargan_tf.export.saved_model import export_model
    from cargan_tf.training.run import Run

    folder = tmp_path_factory.mktemp("saved_models") / "tiny"
    export_model(Run(tiny_run), folder)
    return folder


@pytest.fixture(scope="session")
def generator(tiny_model) -> Generator:
    """Draws with the exported model."""
    from cargan_tf.inference.generator import Generator

    return Generator.load(tiny_model)


@dataclass(frozen=True)
class Trained:
    """The networks of the tiny run, and what they were trained on."""

    cascade: Cascade
    dataset: DatasetInfo
    data: Path
    config: Config


@pytest.fixture(scope="session")
def trained(tiny_run, tiny_data, tiny_config) -> Trained:
    import tensorflow as tf

    from cargan_tf.data.dataset import load_dataset
    from cargan_tf.models.cargan import Cascade
    from cargan_tf.training.checkpoints import newest_checkpoint, restore_network
    from cargan_tf.training.run import Run

    cascade = Cascade(tiny_config, 3, name="cascade")
    cascade(tf.zeros([1, 64, 64, 1]), tf.zeros([1, 3]))
    restore_network(newest_checkpoint(Run(tiny_run).checkpoints), cascade)
    return Trained(cascade, load_dataset(tiny_data), tiny_data, tiny_config)


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    """Writes a sound: ``write(samples, rate=8_000, name="clip.wav")``."""

    def write(samples: np.ndarray, rate: int = RATE, name: str = "clip.wav") -> Path:
        soundfile.write(tmp_path / name, samples, rate)
        return tmp_path / name

    return write


def _write_sound(path: Path, frequency: float, player: int, seed: int) -> None:
    times = np.arange(RATE * CLIP_MS // 1000) / RATE
    tone = np.sin(2 * np.pi * frequency * times)
    tone += (0.1, 0.8)[player] * np.sin(4 * np.pi * frequency * times)
    noise = np.random.default_rng(seed).normal(size=times.size)
    soundfile.write(path, 0.3 * tone + 0.003 * noise, RATE)


def _write_image(path: Path, color: tuple[int, int, int], player: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-9, 10, (64, 64, 3))
    pixels = noise + np.asarray(color)
    pixels[20:44, (8, 36)[player] : (8, 36)[player] + 20] = 235
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    """Writes a real mp4: ``write_video(path, 2.5, image=brighter, frequency=None)``."""
    return _write_video


def brighter(seconds: float) -> np.ndarray:
    """[32, 64, 3]: brighter from second to second."""
    return np.full((VIDEO_SIZE[1], VIDEO_SIZE[0], 3), min(255, 40 + round(40 * seconds)), np.uint8)


def _write_video(
    path: Path,
    seconds: float,
    image: Callable[[float], np.ndarray] = brighter,
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
            frame = av.VideoFrame.from_ndarray(image(index / VIDEO_FRAMES_A_SECOND), format="rgb24")
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
