"""Figures as people read them."""
# MERGED An evaluation's figures as tables: metrics by kinds of pictures, and classes by metrics.
# MERGED The figures that matter most, each as a question, an answer and what to compare it with.
# MERGED Where the templates are, and how values become text in them.

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    REAL,
    REFINED,
    Figure,
    MetricInfo,
    Report,
    Row,
    SplitReport,
)

#: Which way a metric is better, after its title.
ARROWS: Final = {"higher": " ↑", "lower": " ↓", "neither": ""}


def number(value: float, share: bool) -> str:
    """A share with three decimals, anything else with three or four digits."""
    if share:
        return f"{value:.3f}"
    for least, decimals in ((100, 1), (10, 2), (1, 3)):
        if abs(value) >= least:
            return f"{value:.{decimals}f}"
    return f"{value:.3g}"


def limits(figure: Figure, info: MetricInfo) -> Iterator[str]:
    """What one must know to judge a figure, a few words each; ``LIMITS`` explains them."""
    if figure.interval is not None:
        low, high = (number(edge, info.share) for edge in figure.interval)
        yield f"95 %: {low} to {high}"
    if figure.spread is not None:
        yield f"± {number(figure.spread, info.share)}"
    if figure.chance is not None:
        yield f"chance {number(figure.chance, info.share)}"
    if figure.floor is not None:
        yield f"floor {number(figure.floor, info.share)}"
    if figure.at_floor_size is not None:
        yield f"at its size {number(figure.at_floor_size, info.share)}"
    if figure.singular:
        yield "singular"


LIMITS: Final = {
    "95 %": "Wilson's interval of a share.",
    "±": "Standard error over parts of the pictures.",
    "chance": (
        "What guessing would give: the label, for an accuracy; else the photo, among those of the"
        " class."
    ),
    "floor, at its size": (
        "The same measure between two halves of the real photos, and between one of those halves"
        " and as many pictures: these two compare like with like, as the measure grows when there"
        " are fewer pictures."
    ),
    "singular": (
        "There are no more pictures than features, so the covariance has no full rank and the"
        " distance is mostly bias: compare it within this page only."
    ),
}


@dataclass(frozen=True)
class Cell:
    """A figure of a table: the number, and what limits it."""

    text: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class FigureLine:
    """One metric over several kinds of pictures."""

    title: str
    meaning: str
    better: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class FigureTable:
    """Metrics by kinds of pictures."""

    columns: tuple[str, ...]
    lines: tuple[FigureLine, ...]


def figure_table(report: Report, rows: Sequence[Row]) -> FigureTable:
    """A line a metric that any of the rows has, a column a row."""
    lines = [
        FigureLine(
            info.title,
            info.meaning,
            info.better,
            tuple(
                Cell(number(figure.value, info.share), tuple(limits(figure, info)))
                if (figure := row.figures.get(info.name)) is not None
                else None
                for row in rows
            ),
        )
        for info in report.metrics
        if any(info.name in row.figures for row in rows)
    ]
    return FigureTable(tuple(row.name for row in rows), tuple(lines))


def figures_by_class(report: Report, row: Row) -> FigureTable:
    """A line a class, with the metrics that have a figure for each class as columns."""
    infos = [
        info
        for info in report.metrics
        if info.name in row.figures and row.figures[info.name].by_class
    ]
    lines = []
    for label in report.labels:
        cells = []
        for info in infos:
            figure = (row.figures[info.name].by_class or {}).get(label)
            cells.append(None if figure is None else Cell(number(figure.value, info.share)))
        lines.append(FigureLine(label, "", "", tuple(cells)))
    return FigureTable(tuple(info.title for info in infos), tuple(lines))


@dataclass(frozen=True)
class Question:
    """What a figure answers, in plain words."""

    metric: str
    asked: str
    answer: str
    beside: tuple[str, str] | None = None  # another metric to compare with, and what to call it


QUESTIONS = (
    Question(
        "judge_accuracy",
        "Is it the right instrument?",
        "of the pictures show the instrument that was asked for, says a network that was trained on"
        " real photos and had no part in training the generator. It alone proves little: the"
        " instrument's name is given to the generator.",
    ),
    Question(
        "retrieval_1",
        "Is it this very sound?",
        "of the pictures are nearer to their own photo than to any other photo of the same"
        " instrument. Only the sound can tell these photos apart.",
    ),
    Question(
        "player_match",
        "Is it the player who is heard?",
        "of the pictures look most like a photo of the player who is heard, among all photos of"
        " the instrument.",
    ),
    Question(
        "sound_movement",
        "Does another sound change it?",
        "is how far a point of the picture moves on average when another sound of the same"
        " instrument is heard, where 2 is from black to white. It does not say that it moves the"
        " right way.",
        ("another label", "label_movement"),
    ),
    Question(
        "l1",
        "How far from the photo?",
        "is the mean difference of a pixel to the photo's, where 2 is black against white. A"
        " generator that ignores the sound cannot do better than the mean photo of the class.",
    ),
    Question(
        "fid",
        "Could it be a photo?",
        "is the Fréchet distance between the features of the pictures and of real photos: 0 means"
        " alike. It depends on the numbers of pictures, so compare it with what two halves of the"
        " real photos give.",
    ),
)


@dataclass(frozen=True)
class Headline:
    """A question with its answer for one split."""

    question: Question
    value: str
    compared: tuple[tuple[str, str], ...]


def headlines(report: Report, split: SplitReport) -> list[Headline]:
    """The questions that were measured, for the refined pictures of a split."""
    figures = split.row(REFINED).figures
    infos = {info.name: info for info in report.metrics}
    return [
        Headline(
            question,
            number(figures[question.metric].value, infos[question.metric].share),
            (*_beside(figures, infos, question), *_compared(split, infos[question.metric])),
        )
        for question in QUESTIONS
        if question.metric in figures
    ]


def _beside(
    figures: dict[str, Figure], infos: dict[str, MetricInfo], question: Question
) -> Iterator[tuple[str, str]]:
    if question.beside is not None and question.beside[1] in figures:
        what, metric = question.beside
        yield what, number(figures[metric].value, infos[metric].share)


def _compared(split: SplitReport, info: MetricInfo) -> Iterator[tuple[str, str]]:
    """Chance, floor, and the rows that stand beside."""
    figure = split.row(REFINED).figures[info.name]
    if figure.chance is not None:
        yield "by chance", number(figure.chance, info.share)
    if figure.floor is not None:
        yield "photos against photos", number(figure.floor, info.share)
    others = [row for row in split.rows if row.name != REFINED]
    order = {CLASS_MEAN: 0, REAL: 2}
    for row in sorted(others, key=lambda row: order.get(row.name, 1)):
        if info.name in row.figures:
            yield row.name, number(row.figures[info.name].value, info.share)


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
