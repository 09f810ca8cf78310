"""The command line, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

#: How a reporter tells of work in lines.
_PROGRESS = re.compile(r".+: \d+/\d+, ")


@dataclass(frozen=True)
class Result:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The line of a command that failed because of its input; nothing but progress beside."""
        lines = [line for line in self.err.splitlines() if not _PROGRESS.match(line)]
        assert self.status == 2, self
        assert len(lines) == 1, self.err
        assert lines[0].startswith("Error: "), self.err
        return lines[0]

    @property
    def next(self) -> str:
        """The command that is proposed."""
        return self.out.splitlines()[-1].removeprefix("Next: ")


Cargan = Callable[..., Result]


def values_of(done: Result) -> list[dict]:
    """What ``--json`` told, an object a line."""
    return [json.loads(line) for line in done.out.splitlines()]


def is_image(path: Path) -> bool:
    """Whether that is a whole image of the tiny model's."""
    with Image.open(path) as image:
        image.load()
        return (image.format, image.mode, image.size) == ("PNG", "RGB", (64, 64))


def write_words(path: Path) -> None:
    """A file that is no sound."""
    path.write_text("these are words, not music")


def _cargan(*words: object, cwd: Path | None = None) -> Result:
    from cargan_cli.main import main

    # Text over bytes, as the real streams are: shell completion writes bytes.
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.ExitStack() as stack:
        if cwd is not None:
            stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        leaving = stack.enter_context(pytest.raises(SystemExit))
        main([str(word) for word in words])
    said, told = (stream.buffer.getvalue().decode() for stream in (out, err))
    return Result(int(leaving.value.code or 0), said, told)


@pytest.fixture(scope="session")
def cargan() -> Cargan:
    """Runs a command line in this process: ``cargan("train", data, cwd=folder)``."""
    return _cargan


@pytest.fixture(scope="session")
def start_cargan() -> Callable[..., subprocess.Popen]:
    """Starts a command line in a process of its own, as a shell would; its streams are text, or
    bytes, standard input included."""

    def start(
        *words: object, cwd: Path | None = None, binary_input: bool = False, **env: str
    ) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "cargan_cli.main", *map(str, words)],
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.PIPE if binary_input else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=not binary_input,
            start_new_session=True,
            # A shell that runs the tests in the background has them ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return start


@pytest.fixture(scope="session")
def cargan_process(start_cargan) -> Cargan:
    """Runs a command line in a process of its own."""

    def run(*words: object, cwd: Path | None = None, **env: str) -> Result:
        process = start_cargan(*words, cwd=cwd, **env)
        out, err = process.communicate(timeout=300)
        return Result(process.returncode, out, err)

    return run


@pytest.fixture(scope="session")
def tiny_yaml(tiny_config, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_config.model_dump(mode="json")), "utf-8")
    return path


@pytest.fixture
def tree(tiny_source, tmp_path) -> Path:
    """The tiny source in Sub-URMP's folders, for a test to damage."""
    root = tmp_path / "Sub-URMP"
    with (tiny_source / "manifest.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            folder = Path(row["split"]) / row["label"]
            for kind, name in (("chunk", row["audio"]), ("img", row["image"])):
                (root / kind / folder).mkdir(parents=True, exist_ok=True)
                stem = f"{row['recording']}_{row['start_ms']}"
                target = root / kind / folder / f"{stem}{Path(name).suffix}"
                shutil.copyfile(tiny_source / name, target)
    return root


@pytest.fixture
def data(tiny_data, tmp_path) -> Path:
    """A copy of the data set for a test to change; without a classifier."""
    ignored = shutil.ignore_patterns("classifier")
    return Path(shutil.copytree(tiny_data, tmp_path / "data", ignore=ignored))


@pytest.fixture
def run(tiny_run, tmp_path) -> Path:
    """A copy of the run for a test to change."""
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


@pytest.fixture
def generate(cargan, tiny_model, tmp_path) -> Cargan:
    """Draws in a folder of its own with the tiny model: ``generate("clip.wav", label="flute")``."""

    def run(*words: object, label: str = "violin") -> Result:
        return cargan("generate", *words, "--label", label, "--model", tiny_model, cwd=tmp_path)

    return run


@pytest.fixture
def nothing_shipped(tmp_path, monkeypatch) -> None:
    """As if no model had come with the package."""
    folder = tmp_path / "nothing_shipped"
    monkeypatch.setattr("cargan_tf.export.model_registry.shipped_folder", lambda: folder)


@pytest.fixture
def write_sound(tmp_path) -> Callable[..., Path]:
    """Writes a tone: ``write_sound("a.wav", seconds=0.5, rate=8_000, samples=None)``."""

    def write(
        name: str, seconds: float = 0.5, rate: int = 8_000, samples: np.ndarray | None = None
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if samples is None:
            samples = 0.3 * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 440 / rate)
        kind = {"subtype": "FLOAT"} if path.suffix == ".wav" else {}
        soundfile.write(path, samples, rate, **kind)
        return path

    return write
