"""The command line in this process, and the whole chain on a tiny data set."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

LABELS = ("cello", "flute", "violin")
COLOURS = ((200, 60, 40), (60, 200, 60), (50, 60, 210))
RATE = 8_000
RECORDINGS = {"train": ("00", "01"), "validation": ("02",), "test": ("03",)}
STARTS = (0, 500, 1000, 1500)

CONFIG = """\
audio: {sample_rate: 8000, n_fft: 256, hop_length: 250, n_mels: 16}
data: {image_size: 32, records_per_shard: 16}
model: {generator_width: 4, discriminator_width: 4}
classifier:
  blocks: [1, 1, 1, 1]
  width: 4
  weights: none
  epochs: 2
  batch_size: 8
  minimum_accuracy: 0
training: {batch_size: 4, steps: 2}
monitor: {listening_clips: 12}
"""


@dataclass(frozen=True)
class Result:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a command that failed because of its input."""
        assert self.status == 2, self
        *before, last = self.err.splitlines()
        assert not [line for line in before if not line.startswith("Preparing")], self.err
        assert last.startswith("Error: "), self.err
        return last


Cargan = Callable[..., Result]


def _cargan(*words: object, cwd: Path | None = None) -> Result:
    from cargan_cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        if cwd is not None:
            stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        leaving = stack.enter_context(pytest.raises(SystemExit))
        main([str(word) for word in words])
    return Result(int(leaving.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def cargan() -> Cargan:
    """Runs a command line in this process: ``cargan("train", data, cwd=folder)``."""
    return _cargan


@pytest.fixture(scope="session")
def cargan_process() -> Cargan:
    """The same in a process of its own, as a shell would start it."""

    def run(*words: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "cargan_cli.main", *map(str, words)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


def write_clip(path: Path, frequency: float, seconds: float = 0.5) -> Path:
    times = np.arange(round(seconds * RATE)) / RATE
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * frequency * times), RATE)
    return path


def write_picture(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(-20, 20, (36, 48, 3))
    Image.fromarray((np.asarray(colour) + noise).astype(np.uint8)).save(path)


def write_tree(root: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """Sub-URMP's folders: a colour and a pitch for each instrument."""
    seed = 0
    for split, recordings in RECORDINGS.items():
        for place, label in enumerate(labels):
            for recording in recordings:
                for start in STARTS:
                    seed += 1
                    stem = f"{split}/{label}/{label}{recording}_{start}"
                    write_clip(root / f"chunk/{stem}.wav", 300 * (place + 1) + 5 * seed)
                    write_picture(root / f"img/{stem}.jpg", COLOURS[place], seed)
    return root


@pytest.fixture(scope="session")
def tiny_yaml(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Path:
    """Sub-URMP's folders; nobody may change them."""
    return write_tree(tmp_path_factory.mktemp("source") / "Sub-URMP")


@pytest.fixture
def own_source(source, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(source, tmp_path / "Sub-URMP"))


@pytest.fixture(scope="session")
def data(cargan, source, tiny_yaml, tmp_path_factory) -> Path:
    """A data set with its classifier, made by the command line."""
    out = tmp_path_factory.mktemp("chain") / "data"
    for words in (
        ("preprocess", source, out, "--config", tiny_yaml, "--workers", 1),
        ("classifier", out),
    ):
        done = cargan(*words)
        assert done.status == 0, done.err
    return out


@pytest.fixture(scope="session")
def run(cargan, data) -> Path:
    """Two steps of training, by the command line."""
    path = data.parent / "runs" / "tiny"
    done = cargan("train", data, "--run", path)
    assert done.status == 0, done.err
    return path


@pytest.fixture(scope="session")
def model(cargan, run) -> Path:
    """The run, exported by the command line as it proposes: saved_models/tiny/1."""
    path = run.parents[1] / "saved_models" / "tiny"
    done = cargan("export", run, path)
    assert done.status == 0, done.err
    return path


@pytest.fixture
def clip(tmp_path) -> Path:
    """Half a second of a tone."""
    return write_clip(tmp_path / "clip.wav", 440)
