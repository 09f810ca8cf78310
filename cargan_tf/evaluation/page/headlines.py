"""The figures that matter most, each as a question, an answer and what to compare it with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cargan_tf.evaluation.page.figure_text import number
from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    REAL,
    REFINED,
    Figure,
    MetricInfo,
    Report,
    SplitReport,
)


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
