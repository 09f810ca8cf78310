"""Tones, and what is drawn of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cargan_tf.inference.generator import Generator

RATE = 8_000
CLIP = 4_000  # samples


def tone(
    seconds: float = 0.5, rate: int = RATE, frequency: float = 440.0, level: float = 0.3
) -> np.ndarray:
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def distance(one: np.ndarray, other: np.ndarray) -> int:
    """The greatest of two images of 8 bits."""
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def drawn_from(
    generator: Generator, path: Any, label: str | None = "violin", **options: Any
) -> Any:
    """What one file becomes."""
    ((_, generated),) = generator.generate_files([path], [label], **options)
    return generated
