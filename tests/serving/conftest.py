"""Sounds for the exported model."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile


@pytest.fixture(scope="session")
def version(tiny_model):
    """The folder of the exported model's one version."""
    return tiny_model / "1"


@pytest.fixture(scope="session")
def sounds(tiny_source):
    """[3, samples] float32, and an instrument each, of recordings the model was not trained on."""
    labels = ("cello", "flute", "violin")
    files = [tiny_source / f"{label}_1_test_0.wav" for label in labels]
    waveforms = [soundfile.read(file, dtype="float32")[0] for file in files]
    return np.stack(waveforms), np.array(labels)
