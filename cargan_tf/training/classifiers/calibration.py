"""Calibration of a classifier: temperature scaling, and the calibration error (Guo et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

#: Bins of confidence, equally wide.
BINS: Final = 10
#: Bounds of the temperature.
TEMPERATURES: Final = (0.2, 10.0)


@dataclass(frozen=True)
class Calibration:
    """How well confidence agrees with accuracy, over N predictions.

    Attributes:
        accuracy: fraction of right predictions.
        top_3: fraction whose truth is among the three most probable.
        confidence: mean probability of the predictions.
        error: expected calibration error: |accuracy - confidence| averaged over the bins.
        bins: of each bin its count, mean confidence and accuracy; a reliability diagram.
        count: N.
    """

    accuracy: float
    top_3: float
    confidence: float
    error: float
    bins: tuple[tuple[int, float, float], ...]
    count: int


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float64]:
    """[N, K] logits to probabilities."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    exponents = np.exp(scaled)
    result: NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
    return result


def fit_temperature(logits: NDArray[Any], truth: NDArray[Any]) -> float:
    """The temperature that minimizes the cross-entropy of [N, K] logits for classes [N]."""

    def loss(log_temperature: float) -> float:
        right = softmax(logits, float(np.exp(log_temperature)))[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def measure_calibration(probabilities: NDArray[Any], truth: NDArray[Any]) -> Calibration:
    """Measure [N, K] probabilities against classes [N], N >= 1."""
    truth = np.asarray(truth)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    best = np.argsort(-probabilities, axis=1)[:, :3]
    which = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = []
    for index in range(BINS):
        inside = which == index
        count = int(inside.sum())
        means = (confidence[inside].mean(), right[inside].mean()) if count else (0.0, 0.0)
        bins.append((count, float(means[0]), float(means[1])))
    error = sum(count * abs(mean - hits) for count, mean, hits in bins) / len(truth)
    return Calibration(
        accuracy=float(right.mean()),
        top_3=float((best == truth[:, np.newaxis]).any(axis=1).mean()),
        confidence=float(confidence.mean()),
        error=float(error),
        bins=tuple(bins),
        count=len(truth),
    )
