"""The laws behind the figures of ``benchmarks.scale``, by least squares, and their image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Figures = dict[str, Any]


def laws(measured: dict[str, list[Figures]]) -> dict[str, float]:
    """What each further clip, image or pixel costs, as far as it was measured."""
    return {
        **_preprocessing_laws(measured.get("preprocessing", [])),
        **_training_laws(measured.get("training", [])),
    }


def line(x: list[float], y: list[float]) -> tuple[float, float]:
    """Intercept and slope of the straight line nearest to the points, by least squares."""
    slope, intercept = np.polyfit(x, y, 1)
    return float(intercept), float(slope)


def power(x: list[float], y: list[float]) -> tuple[float, float]:
    """Factor and exponent of the power law nearest to the points, by least squares of logs."""
    intercept, exponent = line([float(v) for v in np.log(x)], [float(v) for v in np.log(y)])
    return float(np.exp(intercept)), exponent


def _preprocessing_laws(rows: list[Figures]) -> dict[str, float]:
    found: dict[str, float] = {}
    for size, workers in sorted({(row["image_size"], row["workers"]) for row in rows}):
        same = [r for r in rows if (r["image_size"], r["workers"]) == (size, workers)]
        if len(same) < 2:
            continue
        clips = [row["clips"] for row in same]
        for name in ("seconds", "cpu_seconds"):
            once, each = line(clips, [row[name] for row in same])
            found[f"preprocessing {size}, {workers} workers: {name} once"] = once
            found[f"preprocessing {size}, {workers} workers: {name} a clip"] = each
    by_size = {row["image_size"]: row["bytes_per_clip"] for row in rows}
    if len(by_size) > 1:
        beside, a_pixel = line([size**2 for size in by_size], list(by_size.values()))
        found["bytes a clip beside its image"] = beside
        found["bytes a pixel"] = a_pixel
    return found


def _training_laws(rows: list[Figures]) -> dict[str, float]:
    found: dict[str, float] = {}
    alone = [row for row in rows if row["replicas"] == 1]
    images: dict[int, float] = {}
    for size in sorted({row["image_size"] for row in alone}):
        same = [row for row in alone if row["image_size"] == size]
        if len(same) < 2:
            continue
        batches = [row["batch"] for row in same]
        once, each = line(batches, [row["cpu_seconds"] for row in same])
        found[f"step {size}: cpu_seconds once"] = once
        found[f"step {size}: cpu_seconds an image"] = images[size] = each
        found[f"step {size}: GiB an image"] = line(batches, [row["peak_gib"] for row in same])[1]
    if len(images) > 1:
        pixels = [float(size**2) for size in images]
        found["step: exponent of the pixels"] = power(pixels, list(images.values()))[1]
    return found


def plot(measured: dict[str, list[Figures]], path: Path) -> None:
    """Two panels: preprocessing by clips and workers, the step by images and pixels."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    largest = max(row["image_size"] for row in measured["preprocessing"])
    rows = [row for row in measured["preprocessing"] if row["image_size"] == largest]
    for workers in sorted({row["workers"] for row in rows}):
        same = [row for row in rows if row["workers"] == workers]
        label = f"{workers} worker{'s' if workers > 1 else ''}"
        _points(left, [row["clips"] for row in same], [row["cpu_seconds"] for row in same], label)
    left.set(title=f"Preprocessing at {largest}×{largest}", xlabel="clips", ylabel="seconds of CPU")
    alone = [row for row in measured["training"] if row["replicas"] == 1]
    for size in sorted({row["image_size"] for row in alone}):
        same = [row for row in alone if row["image_size"] == size]
        batches = [row["batch"] for row in same]
        _points(right, batches, [row["cpu_seconds"] for row in same], f"{size}×{size}")
    right.set(title="A training step", xlabel="images a step", ylabel="seconds of CPU")
    for axes in (left, right):
        axes.legend(frameon=False)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def _points(axes: Any, x: list[float], y: list[float], label: str) -> None:
    """The points, and the straight line through them."""
    generated = axes.plot(x, y, "o", label=label)[0]
    if len(x) > 1:
        once, each = line(x, y)
        ends = np.array([0, max(x)])
        axes.plot(ends, once + each * ends, "-", color=generated.get_color(), alpha=0.6)
