"""Metric values as text, tables and summary lines, and the Jinja environment of the pages."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    CLASS_MEDIAN,
    PLAYER_MEAN,
    PLAYER_MEDIAN,
    REAL,
    REFINED,
    MetricInfo,
    MetricValue,
    Report,
    Row,
    SplitReport,
)

#: Which way a metric is better, after its title.
ARROWS: Final = {"higher": " ↑", "lower": " ↓", "neither": ""}


LIMITS: Final = {
    "95 %": "Wilson's interval of a fraction.",
    "over evaluators": (
        "Standard deviation, lowest and highest value over evaluators that differ in their seed"
        " alone; differences of this size say nothing."
    ),
    "mean over classes": "Each class counts the same, however many clips it has.",
    "±": "Standard error (of KID by the jackknife over pairs).",
    "chance": (
        "What guessing would give: the label, for an accuracy; else the photo, among those of the"
        " class."
    ),
    "floor, at its size": (
        "The same measure between two halves of the real photos, and between one of those halves"
        " and as many images: these two compare like with like, as the measure grows when there"
        " are fewer images."
    ),
    "class median": (
        "The same measure of the median training photo of the class: about the least L1 of an"
        " image that is chosen by the label alone."
    ),
    "singular": (
        "There are no more images than features, so the covariance has no full rank and the"
        " distance is mostly bias: compare it within this page only."
    ),
}


def number(value: float, fraction: bool) -> str:
    """A fraction with three decimals, anything else with three or four digits."""
    if fraction:
        return f"{value:.3f}"
    for least, decimals in ((100, 1), (10, 2), (1, 3)):
        if abs(value) >= least:
            return f"{value:.{decimals}f}"
    return f"{value:.3g}"


def limits(value: MetricValue, info: MetricInfo) -> Iterator[str]:
    """The limits of a value, a few words each; ``LIMITS`` explains them."""
    if value.interval is not None:
        low, high = (number(edge, info.fraction) for edge in value.interval)
        yield f"95 %: {low} to {high}"
    if value.std is not None and value.by_network is not None:
        low, high = (number(edge(value.by_network), info.fraction) for edge in (min, max))
        yield f"std {number(value.std, info.fraction)} over evaluators, {low} to {high}"
    if value.class_average is not None:
        yield f"mean over classes {number(value.class_average, info.fraction)}"
    if value.standard_error is not None:
        yield f"± {number(value.standard_error, info.fraction)}"
    if value.chance is not None:
        yield f"chance {number(value.chance, info.fraction)}"
    if value.floor is not None:
        yield f"floor {number(value.floor, info.fraction)}"
    if value.class_median is not None:
        yield f"class median {number(value.class_median, info.fraction)}"
    if value.at_floor_size is not None:
        yield f"at its size {number(value.at_floor_size, info.fraction)}"
    if value.singular:
        yield "singular"


@dataclass(frozen=True)
class Cell:
    """A value in a table: the number and its limits."""

    text: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValueLine:
    """One metric over several kinds of images."""

    title: str
    meaning: str
    better: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class ValueTable:
    """Metrics by kinds of images."""

    columns: tuple[str, ...]
    lines: tuple[ValueLine, ...]


def value_table(report: Report, rows: Sequence[Row]) -> ValueTable:
    """One line per metric that any of the rows has, one column per row."""
    lines = [
        ValueLine(
            info.title,
            info.meaning,
            info.better,
            tuple(
                Cell(number(value.value, info.fraction), tuple(limits(value, info)))
                if (value := row.values.get(info.name)) is not None
                else None
                for row in rows
            ),
        )
        for info in report.metrics
        if any(info.name in row.values for row in rows)
    ]
    return ValueTable(tuple(row.name for row in rows), tuple(lines))


def values_by_class(report: Report, row: Row) -> ValueTable:
    """One line per class; the columns are the metrics with a value for each class."""
    infos = [
        info
        for info in report.metrics
        if info.name in row.values and row.values[info.name].by_class
    ]
    lines = []
    for label in report.labels:
        cells = []
        for info in infos:
            value = (row.values[info.name].by_class or {}).get(label)
            cells.append(None if value is None else Cell(number(value.value, info.fraction)))
        lines.append(ValueLine(label, "", "", tuple(cells)))
    return ValueTable(tuple(info.title for info in infos), tuple(lines))


@dataclass(frozen=True)
class Question:
    """The question that a metric answers."""

    metric: str
    asked: str
    answer: str
    compared: tuple[str, str] | None = None  # another metric to compare with, and what to call it


QUESTIONS = (
    Question(
        "evaluator_accuracy",
        "Is it the right instrument?",
        "of the images are classified as the requested instrument by a network that was trained"
        " on real photos and had no part in training the generator. This alone proves little:"
        " the instrument is an input of the generator.",
    ),
    Question(
        "retrieval_1",
        "Does the image match the sound?",
        "of the images are nearer to their own photo than to any other photo of the same"
        " instrument. Only the sound distinguishes these photos.",
    ),
    Question(
        "player_match",
        "Is it the right player?",
        "of the images are nearest to a photo of the right player, among all photos of the"
        " instrument.",
    ),
    Question(
        "retrieval_1_player",
        "Does the pose match what is played?",
        "of the images are nearer to their own photo than to any other photo of the same player"
        " with the same instrument. Only what is played distinguishes these photos.",
    ),
    Question(
        "pose_pitch",
        "Is the pitch seen?",
        "is the rank correlation of the pitch read from the image with the true one, averaged over"
        " the instruments; 0 for a still image. The real photos show how well it can be read.",
        ("loudness", "pose_loudness"),
    ),
    Question(
        "sound_sensitivity",
        "Does the image follow the sound?",
        "is the mean change of a pixel when the sound is replaced by another of the same"
        " instrument; 2 is the change from black to white. A change is not always in the right"
        " direction.",
        ("another label", "label_sensitivity"),
    ),
    Question(
        "l1",
        "How far from the photo?",
        "is the mean absolute difference from the photo; 2 is black against white. One image for"
        " all sounds of a class has at least about that of the median photo of the class, one"
        " image per player that of the player's.",
    ),
    Question(
        "fid",
        "Does it look like a photo?",
        "is the Fréchet distance between the features of the images and of real photos; 0 is"
        " best. It depends on the number of images, so compare it with the distance between two"
        " halves of the real photos.",
    ),
)


@dataclass(frozen=True)
class SummaryLine:
    """A question with its answer for one split."""

    question: Question
    value: str
    compared: tuple[tuple[str, str], ...]


def summary(report: Report, split: SplitReport) -> list[SummaryLine]:
    """The questions that were measured, for the refined images of a split."""
    values = split.row(REFINED).values
    infos = {info.name: info for info in report.metrics}
    return [
        SummaryLine(
            question,
            number(values[question.metric].value, infos[question.metric].fraction),
            (*_beside(values, infos, question), *_compared(split, infos[question.metric])),
        )
        for question in QUESTIONS
        if question.metric in values
    ]


def _beside(
    values: dict[str, MetricValue], infos: dict[str, MetricInfo], question: Question
) -> Iterator[tuple[str, str]]:
    if question.compared is not None and question.compared[1] in values:
        what, metric = question.compared
        yield what, number(values[metric].value, infos[metric].fraction)


def _compared(split: SplitReport, info: MetricInfo) -> Iterator[tuple[str, str]]:
    """Chance, floor, and the rows to compare with."""
    value = split.row(REFINED).values[info.name]
    if value.chance is not None:
        yield "by chance", number(value.chance, info.fraction)
    if value.floor is not None:
        yield "photos against photos", number(value.floor, info.fraction)
    others = [row for row in split.rows if row.name != REFINED]
    stills = (CLASS_MEAN, CLASS_MEDIAN, PLAYER_MEAN, PLAYER_MEDIAN)
    order = {**dict.fromkeys(stills, 0), REAL: 2}
    for row in sorted(others, key=lambda row: order.get(row.name, 1)):
        if info.name in row.values:
            yield row.name, number(row.values[info.name].value, info.fraction)


def environment() -> Environment:
    """Escapes everything in ``*.html`` templates; a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("cargan_tf.evaluation.html"),
        autoescape=select_autoescape(("html.jinja",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["data_uri"] = _data_uri
    return made


def _data_uri(svg: str) -> str:
    """An SVG within the page itself."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
