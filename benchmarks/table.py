"""The rows of the table, from the figures of all measurements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.table import Table

Figures = dict[str, Any]
#: Only where Chromium is installed.
_SEEN = "chromium_images_per_second"


@dataclass(frozen=True)
class Row:
    """One line: a figure, what it is compared with, and whether the target is met.

    Attributes:
        name: what is measured.
        ours: of this code, with its unit.
        reference: what it stands beside.
        value: the ratio, share or time that has a target, or that is only told.
        target: least value, or greatest where ``at_most``; ``None`` for none.
        at_most: smaller is better.
        unit: of ``value``.
    """

    name: str
    ours: str
    reference: str
    value: float
    target: float | None = None
    at_most: bool = False
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        """Whether the target is; ``None`` without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


def rows_of(measured: dict[str, Figures]) -> list[Row]:
    """All that can be told from the measurements that there are (``__main__.MEASUREMENTS``)."""
    return [row for name in measured for row in _rows_of_one(name, measured)]


def table_of(rows: Iterable[Row]) -> Table:
    """As the terminal shows it."""
    table = Table("", "ours", "beside", "value", "target", "met", title="cargan_tf's benchmarks")
    for row in rows:
        aim = "" if row.target is None else ("≤ " if row.at_most else "≥ ") + _text(row, row.target)
        met = {None: "", True: "[green]yes[/]", False: "[red]no[/]"}[row.met]
        table.add_row(row.name, row.ours, row.reference, _text(row, row.value), aim, met)
    return table


def _text(row: Row, value: float) -> str:
    return f"{value:.1%}" if row.unit == "%" else f"{value:.2f} {row.unit}"


def _rows_of_one(name: str, measured: dict[str, Figures]) -> list[Row]:
    kind, *details = name.split()
    ours = measured[name]
    if kind in ("training", "inference") and details[-1] == "ours":
        return _against_authors(name, measured)
    if kind == "training" and details[-1] == "plain-attention":
        ours, plain = measured[f"training {details[0]} ours"], ours
        return [
            _memory(f"peak memory of the process, {details[0]}", "peak_gib", ours, plain, None),
            _memory(f"of it the step's own, {details[0]}", "step_gib", ours, plain, 0.5),
        ]
    if kind == "training" and details[-1] == "replicas":
        alone = measured[f"training {details[0]} ours"]
        texts = _speed(ours), f"one {_speed(alone)}"
        return [Row(f"four replicas, {details[0]}", *texts, _times(ours, alone), 0.9, unit="%")]
    if kind == "preprocessing":
        return _preprocessing(name, ours)
    if kind == "folder":
        reference = f"network {ours['network_images_per_second']:.1f} images/s"
        title = f"folder of {ours['clips']} clips, {details[0]}"
        return [Row(title, _speed(ours), reference, ours["share_of_network"], 0.8, unit="%")]
    if kind == "waiting":
        title = f"waiting for data, {' '.join(details)}"
        return [Row(title, _speed(ours), "", ours["waiting_for_data"], 0.02, True, "%")]
    if kind == "start-up":
        return _start_up(ours)
    if kind == "backends":
        return _backends(ours)
    if kind == "live":
        return _live(ours)
    if kind == "web":
        return _web(ours)
    return []


def _live(ours: Figures) -> list[Row]:
    """Of the page in Chromium where it was measured, else of a client without a browser."""
    title, before = ("live tab, Chromium", "chromium_") if _SEEN in ours else ("live loop", "")
    rate, latency = ours[f"{before}images_per_second"], ours[f"{before}latency_ms"]
    load = f"load {ours['load']:.1f}"
    return [
        Row(title, f"{rate:.1f} images/s", load, rate, 25, unit="images/s"),
        Row(f"{title}, sound to image", f"{latency:.0f} ms", load, latency, 150, True, "ms"),
    ]


def _preprocessing(name: str, ours: Figures) -> list[Row]:
    speed = f"{ours['pairs_per_second']:.0f} clips/s"
    plain = f"plain loop {ours['loop_pairs_per_second']:.0f} clips/s"
    drawing = f"loop through matplotlib {ours['drawing_loop_pairs_per_second']:.1f} clips/s"
    return [
        Row(name, speed, plain, ours["times_the_loop"], 10),
        Row(name, speed, drawing, ours["times_the_drawing_loop"]),
    ]


def _memory(title: str, figure: str, ours: Figures, plain: Figures, target: float | None) -> Row:
    """``step_gib`` is what a step takes beyond TensorFlow, the weights and Adam's state."""
    texts = f"{ours[figure]:.2f} GiB", f"whole maps {plain[figure]:.2f} GiB"
    return Row(title, *texts, ours[figure] / plain[figure], target, at_most=True)


def _against_authors(name: str, measured: dict[str, Figures]) -> list[Row]:
    ours, title = measured[name], name.removesuffix(" ours")
    fractions = {"training 128": 0.5, "training 256": 0.5}
    rows = []
    theirs = measured.get(f"{title} authors")
    if theirs is not None:
        target = {"training 128": 2.0, "training 256": 2.5}.get(title)
        times = _times(ours, theirs)
        rows.append(Row(title, _speed(ours), f"authors' way {_speed(theirs)}", times, target))
    reached = ours["share_of_product"] * ours["product_gflops"]
    rows.append(
        Row(
            f"{title}, share",
            f"{reached:.0f} GFLOP/s",
            f"matrix product {ours['product_gflops']:.0f} GFLOP/s",
            ours["share_of_product"],
            fractions.get(title) if title.startswith("training") else 0.6,
            unit="%",
        )
    )
    return rows


def _start_up(ours: Figures) -> list[Row]:
    importing = f"importing TensorFlow {ours['importing_tensorflow_seconds']:.2f} s"
    beyond = ours["generate_beyond_import_seconds"]
    return [
        Row("cargan --help", "", "", ours["help_seconds"], 0.25, True, "s"),
        Row("cargan demo, first answer", "", "", ours["demo_seconds"], 3, True, "s"),
        Row(
            "cargan generate, beyond TensorFlow",
            f"{ours['generate_seconds']:.2f} s",
            importing,
            beyond,
            1.5,
            True,
            "s",
        ),
    ]


def _backends(ours: Figures) -> list[Row]:
    rows = [
        Row(
            f"players-128 by ONNX Runtime, {name}",
            f"{ours[f'{name}_onnxruntime_images_per_second']:.1f} images/s",
            f"TensorFlow {ours[f'{name}_tensorflow_images_per_second']:.1f} images/s",
            ours[f"times_{name}"],
            1.3 if name == "folder" else None,
        )
        for name in ("single", "batch", "folder")
    ]
    for name, title, target in (("generate", "with --label", 0.8), ("recognize", "without", 1.0)):
        rows.append(
            Row(
                f"cargan generate {title}, whole process",
                f"{ours[f'{name}_onnxruntime_gib']:.2f} GiB",
                f"TensorFlow {ours[f'{name}_tensorflow_seconds']:.1f} s,"
                f" {ours[f'{name}_tensorflow_gib']:.2f} GiB",
                ours[f"{name}_onnxruntime_seconds"],
                target,
                at_most=True,
                unit="s",
            )
        )
    return rows


def _web(ours: Figures) -> list[Row]:
    again = f"from the cache {ours['again_seconds']:.1f} s"
    latency = f"{ours['latency_milliseconds']:.0f} ms from sound to image"
    first, rate = ours["first_image_seconds"], ours["images_per_second"]
    return [
        Row("static page, first image", f"{first:.1f} s", again, first, 4.0, True, "s"),
        Row("static page, live", f"{rate:.1f} images/s", latency, rate, 10.0, unit="images/s"),
    ]


def _times(ours: Figures, theirs: Figures) -> float:
    """Ratio of two speeds, each told by the matrix product beside it.

    The two were measured one after the other; on a machine that others use, this takes out what
    they had of it meanwhile. On one that does nothing else it changes nothing.
    """
    machine = ours["product_gflops"] / theirs["product_gflops"]
    return ours["images_per_second"] / theirs["images_per_second"] / machine


def _speed(figures: Figures) -> str:
    return f"{figures['images_per_second']:.3g} images/s"
