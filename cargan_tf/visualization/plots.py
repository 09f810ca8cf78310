"""Plots of the steps between a sound and its image, by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cargan_tf.utils.arrays import ImageArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cargan_tf.inference.result import GenerationResult

#: Of text and axes, on a light page.
INK = "#33383d"
#: Visible on white and black, and safe for color-blind readers.
LACKING, TOO_MUCH = "#0088cc", "#d55e00"
#: Of waveforms.
OUTLINE = "#4f7f8f"
#: Bars of one residue at most; of more labels, those that stand out.
MOST_BARS = 20
#: Bars shorter than this are hardly visible and have no number.
MIN_LABELED = 0.01
#: Where no bar is seen.
NOTHING = "nothing:\nit is taken\nfor the label"
#: Columns of a waveform's outline: more than a screen shows.
OUTLINE_COLUMNS = 600
#: Of a whole outline, the least that the mark of the clip takes; the element that it is in SVG.
MIN_MARKED, MARK = 0.02, "clip"
#: Inches of a plot that stands in a column of a page, and of one panel of the stages.
COLUMN_WIDTH, PANEL = 3.4, 3.0
DOTS_PER_INCH = 150

#: matplotlib's settings for all plots of this project.
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "cargan",  # the same plot gives the same file
}


def stages_image(generated: GenerationResult) -> ImageArray:
    """The way from sound to image, side by side, [H, W, 3].

    Waveform, spectrogram, coarse image, residue as labeled bars, refined image; a network of
    one stage has no coarse image and no residue.
    """
    panels: dict[str, tuple[float, Callable[[Axes], None]]] = {
        "sound": (1, lambda axes: _draw_outline(axes, generated.waveform, generated.sample_rate)),
        "spectrogram": (
            1,
            lambda axes: _draw_spectrogram(axes, generated.spectrogram, generated.seconds),
        ),
    }
    if generated.residue:
        panels["coarse"] = (1, lambda axes: _draw_image(axes, generated.coarse))
        panels["residue: what coarse lacks"] = (
            1.25,
            lambda axes: _draw_residue(axes, generated.residue),
        )
    panels["refined"] = (1, lambda axes: _draw_image(axes, generated.image))
    widths = [width for width, _ in panels.values()]
    with _figure(1.05 * PANEL * sum(widths), PANEL * 1.15) as figure:
        row = figure.subplots(1, len(panels), width_ratios=widths)
        for axes, (title, (_, draw)) in zip(row, panels.items(), strict=True):
            draw(axes)
            axes.set_title(title)
        return _pixels(figure)


def waveform_svg(waveform: NDArray[np.float32], rate: int, start: float, seconds: float) -> str:
    """The outline of a sound over time, with the clip marked.

    Args:
        waveform: [samples].
        rate: Hz.
        start: seconds at which the clip begins.
        seconds: its length.
    """
    with _figure(COLUMN_WIDTH, 0.65 * COLUMN_WIDTH) as figure:
        axes = figure.subplots()
        _draw_outline(axes, waveform, rate)
        end = max(len(waveform) / rate, start + seconds)
        # In a long sound half a second is less than a pixel wide.
        spare = max(0.0, MIN_MARKED * end - seconds) / 2
        low, high = max(0.0, start - spare), min(end, start + seconds + spare)
        axes.axvspan(low, high, color=TOO_MUCH, alpha=0.5, linewidth=0, zorder=3, gid=MARK)
        axes.plot(
            *([start + seconds / 2], [1.0]),
            transform=axes.get_xaxis_transform(),
            marker="v",
            color=TOO_MUCH,
            clip_on=False,
        )
        axes.set_xlim(0, end)
        return _svg(figure)


def spectrogram_svg(spectrogram: NDArray[np.float32], seconds: float) -> str:
    """What the networks see of a clip, [S, S, C]: low notes at the bottom, time to the right."""
    with _figure(COLUMN_WIDTH, COLUMN_WIDTH) as figure:
        _draw_spectrogram(figure.subplots(), spectrogram, seconds)
        return _svg(figure)


def residue_svg(residue: Mapping[str, float]) -> str:
    """The residue as one bar a label, -1 to 1."""
    with _figure(COLUMN_WIDTH, 0.8 + 0.2 * min(len(residue), MOST_BARS)) as figure:
        _draw_residue(figure.subplots(), residue)
        return _svg(figure)


def _draw_image(axes: Axes, image: ImageArray) -> None:
    axes.imshow(image, interpolation="nearest")
    axes.set_axis_off()
    axes.set_anchor("N")  # titles at one height


def _draw_outline(axes: Axes, waveform: NDArray[np.float32], rate: int) -> None:
    columns = np.array_split(waveform, min(OUTLINE_COLUMNS, len(waveform)))
    times = np.linspace(0, len(waveform) / rate, len(columns))
    low, high = [part.min() for part in columns], [part.max() for part in columns]
    axes.fill_between(times, low, high, color=OUTLINE, linewidth=0.5)
    axes.set_xlim(0, len(waveform) / rate)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("seconds")


def _draw_spectrogram(axes: Axes, spectrogram: NDArray[np.float32], seconds: float) -> None:
    if spectrogram.shape[-1] == 3:  # the authors' colors; time runs downwards
        axes.imshow(np.rot90((spectrogram + 1) / 2), extent=(0, seconds, 0, 1), aspect="auto")
    else:
        axes.imshow(
            spectrogram[..., 0],
            cmap="magma",
            origin="lower",
            extent=(0, seconds, 0, 1),
            aspect="auto",
            interpolation="nearest",
        )
    axes.set_yticks([0, 1], ["low", "high"])
    axes.set_xlabel("seconds")


def _draw_residue(axes: Axes, residue: Mapping[str, float]) -> None:
    labels = list(residue)
    if len(labels) > MOST_BARS:
        outstanding = sorted(labels, key=lambda label: -abs(residue[label]))[:MOST_BARS]
        labels = [label for label in labels if label in outstanding]
    values = [residue[label] for label in labels]
    colors = [LACKING if value >= 0 else TOO_MUCH for value in values]
    bars = axes.barh([label.replace("_", " ") for label in labels], values, color=colors)
    figures = [
        f"{value:+.2f}".replace("-", "−") if abs(value) >= MIN_LABELED else "" for value in values
    ]
    axes.bar_label(bars, figures, padding=3, fontsize=8)
    if not any(figures):
        axes.text(0.53, 0.5, NOTHING, transform=axes.transAxes, va="center", fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlim(-1, 1)
    axes.set_xticks([-1, 0, 1], ["−1\ntoo much", "0", "+1\nlacking"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def reliability_svg(bins: Sequence[tuple[int, float, float]]) -> str:
    """A reliability diagram (Guo et al. 2017): accuracy against confidence, as SVG.

    Args:
        bins: count, mean confidence and accuracy of each; empty ones are not drawn.
    """
    filled = [(count, confidence, hits) for count, confidence, hits in bins if count]
    most = max((count for count, _, _ in filled), default=1)
    with _figure(COLUMN_WIDTH, COLUMN_WIDTH) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        confidences = [confidence for _, confidence, _ in filled]
        accuracies = [hits for _, _, hits in filled]
        axes.plot(confidences, accuracies, color=OUTLINE)
        sizes = [20 + 130 * count / most for count, _, _ in filled]
        axes.scatter(confidences, accuracies, s=sizes, color=OUTLINE)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy", aspect="equal")
        return _svg(figure)


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        yield Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def _pixels(figure: Figure) -> ImageArray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _svg(figure: Figure) -> str:
    """For within a page: no background, in the page's own ink, as wide as its column."""
    content = io.StringIO()
    figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
    text = content.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")
