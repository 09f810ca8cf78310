"""Running the commands that a page of the docs shows."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from cargan_cli.main import main

#: A configuration that finishes in seconds; the README's commands are for real data.
TINY = """
audio: {sample_rate: 8000, n_fft: 256, hop_length: 250, n_mels: 16}
data: {image_size: 32}
model: {generator_width: 4, discriminator_width: 4, generator_attentions: 1}
classifier: {blocks: [1, 1, 1, 1], width: 4, weights: none, epochs: 20, learning_rate: 0.01}
evaluator: {count: 2, input_size: 32, steps: 4, batch_size: 4, minimum_accuracy: 0}
sound_classifier: {steps: 20}
training: {batch_size: 4, steps: 2}
"""


def run_command(words: list[str], folder: Path) -> None:
    """A command line of the README's or the docs', in this process where it can be."""
    assert words[0] == "cargan", words
    if words[1] == "train":
        # It rehearses devices, which must be told before TensorFlow has run anything.
        command = [sys.executable, "-m", "cargan_cli.main", *words[1:]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return
    said = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        pytest.raises(SystemExit) as leaving,
    ):
        main(words[1:])
    assert not leaving.value.code, f"{words}\n{said.buffer.getvalue().decode()}"
