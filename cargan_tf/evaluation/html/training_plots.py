"""Curves of a run's stats.jsonl as SVG, by matplotlib, for light and dark pages."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cargan_tf.visualization.plots import INK, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Values of a training line that are no losses.
_NOT_LOSSES = frozenset({"step", "kind", "images_per_second", "waiting_for_data"})
#: Sums over the others.
_TOTALS = frozenset({"generators", "discriminator"})

#: What each plot of losses shows, by how their names end.
_TITLES = {
    "l1": "L1 distance to the photo, training",
    "classification": "Cross-entropy of the label",
    "adversarial": "Generators against D",
    "feature_matching": "D's features, generated against real",
    "perceptual": "C's features, generated against real",
    "discriminator": "Discriminator",
    "gradient_penalty": "R1: D's slope at real photos",
    "totals": "Whole losses",
}

#: Width and height in inches: a column of the page, so that text keeps its size on a phone.
_SIZE = (4.4, 2.7)
#: Okabe and Ito's colors, safe for color-blind readers and visible on white and black; one name
#: has one color in all plots.
_COLOR_OF = {"coarse": "#d55e00", "refined": "#0088cc", "real": "#009e73"}
_COLORS = ("#cc79a7", "#e69f00", "#0088cc", "#d55e00", "#009e73", "#999999")
#: Fewer are shown as points on the line.
_FEW_POINTS = 20
#: Of text and axes, on a dark page.
_DARK_INK = "#c9d1d9"

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Series:
    """One line of a plot."""

    name: str
    points: Points
    reference: bool = False  # what the others are compared with: dashed


@dataclass(frozen=True)
class Plot:
    """One plot: what it shows, in words too, and as SVG for a light page and for a dark one."""

    title: str
    summary: str
    light: str
    dark: str


def training_plots(lines: Sequence[dict[str, Any]]) -> list[Plot]:
    """Every loss and every validation metric in the lines of a run's ``stats.jsonl``."""
    return [
        _plot(title, series)
        for title, series in [*_conditioning(lines), *_losses(lines)]
        if any(one.points for one in series)
    ]


def _losses(lines: Sequence[dict[str, Any]]) -> list[tuple[str, list[Series]]]:
    """Losses by how their names end: what is alike stands in one plot."""
    points: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for line in lines:
        if line["kind"] == "training":
            for name in line.keys() - _NOT_LOSSES:
                points[name].append((line["step"], line[name]))
    groups: dict[str, list[Series]] = defaultdict(list)
    for name in sorted(points):
        group = _group(name)
        shown = name.removesuffix(group).replace("_", " ").strip()
        groups[group].append(Series(shown or group.replace("_", " "), points[name]))
    known = [group for group in _TITLES if group in groups]
    others = sorted(groups.keys() - _TITLES.keys())
    return [(_TITLES.get(group, group), groups[group]) for group in [*known, *others]]


def _group(name: str) -> str:
    """The plot that a loss belongs in: of a known ending, else of its last word."""
    if name in _TOTALS:
        return "totals"
    endings = [ending for ending in _TITLES if f"_{name}".endswith(f"_{ending}")]
    return max(endings, key=len, default=name.rpartition("_")[2])


def _conditioning(lines: Sequence[dict[str, Any]]) -> list[tuple[str, list[Series]]]:
    """Validation metrics, each with the value of a generator that ignores the sound."""

    def series(key: str, name: str, reference: bool = False) -> Series:
        found = [
            (line["step"], line[key])
            for line in lines
            if line["kind"] == "validation" and line.get(key) is not None
        ]
        return Series(name, found, reference)

    return [
        (
            "L1 distance to the photo, held-out",
            [
                series("coarse_l1", "coarse"),
                series("refined_l1", "refined"),
                series("class_mean_l1", "class mean", reference=True),
            ],
        ),
        (
            "R@1 within the class, held-out",
            [
                series("retrieval", "refined"),
                series("retrieval_chance", "chance", reference=True),
            ],
        ),
        (
            "Player match, held-out",
            [
                series("player_match", "refined"),
                series("player_match_chance", "chance", reference=True),
            ],
        ),
    ]


def _plot(title: str, series: list[Series]) -> Plot:
    ends = ", ".join(f"{one.name} {one.points[-1][1]:.3g}" for one in series if one.points)
    last = max(one.points[-1][0] for one in series if one.points)
    light = _svg(series)
    dark = light.replace(INK, _DARK_INK)
    return Plot(title, f"{title}: at step {last}, {ends}.", light, dark)


def _svg(series: list[Series]) -> str:
    from cycler import cycler
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE | {"axes.prop_cycle": cycler(color=_COLORS)}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.subplots()
        for one in series:
            if one.points:
                _draw(axes, one)
        axes.set_xlabel("step")
        axes.set_xlim(left=0)
        if all(value >= 0 for one in series for _, value in one.points):
            axes.set_ylim(bottom=0)  # the hinge form's losses go below
        axes.grid(alpha=0.2, color=INK, linewidth=0.6)
        # Above the axes: looking for the emptiest corner is slow for long runs.
        figure.legend(loc="outside upper left", frameon=False, fontsize=9, ncols=3)
        content = io.StringIO()
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    return content.getvalue()


def _draw(axes: Axes, series: Series) -> None:
    steps, values = zip(*series.points, strict=True)
    if series.reference:
        axes.plot(steps, values, color=INK, linestyle="--", linewidth=1.2, label=series.name)
        return
    axes.plot(
        steps,
        values,
        color=_COLOR_OF.get(series.name),
        marker="o" if len(steps) < _FEW_POINTS else "",
        markersize=4,
        linewidth=1.5,
        label=series.name,
    )
