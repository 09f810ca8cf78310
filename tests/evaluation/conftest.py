"""A report as an evaluation would make it, of two labels whose names are not to be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cargan_tf.evaluation.generation import DrawnSplit
from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    COARSE,
    FORMAT,
    REAL,
    REFINED,
    Confusion,
    Example,
    Figure,
    MetricInfo,
    NetworkInfo,
    Origin,
    Report,
    Row,
    SplitReport,
    Unmeasured,
)

LABELS = ("double_bass", "<b>flute</b>")
PLAYERS = ("Ann & Bob", '"><script>alert(1)</script>')
CLIPS = 3  # of each player of each label
SIZE = 16

METRICS = (
    MetricInfo("fid", "FID", "lower", False, "Distance of features."),
    MetricInfo("inception_score", "IS", "higher", False, "Sure of each, even over all."),
    MetricInfo("kid", "KID", "lower", False, "Kernel distance of features."),
    MetricInfo("retrieval_1", "R@1", "higher", True, "Share whose own photo is nearest."),
    MetricInfo("player_match", "player match", "higher", True, "Share with the right player."),
    MetricInfo("classifier_accuracy", "accuracy, C", "higher", True, "Share seen right by C."),
    MetricInfo("judge_accuracy", "accuracy, judge", "higher", True, "Share seen right."),
    MetricInfo("l1", "L1", "lower", False, "Mean difference."),
)


@pytest.fixture(scope="session")
def drawn() -> dict[str, DrawnSplit]:
    """Both splits, drawn by chance; in the test split one clip is silent and one is like noise."""
    return {split: _drawn(split, seed) for seed, split in enumerate(("train", "test"))}


@pytest.fixture(scope="session")
def make_report(drawn) -> Callable[..., Report]:
    """``make_report(fid=200.0, step=6, split="test")``: figures of the refined pictures."""

    def make(step: int = 6, held_out: str = "test", **values: float) -> Report:
        splits = tuple(_split(one, values) for one in drawn.values())
        if held_out != "test":
            splits = (splits[0], replace(splits[1], split=held_out))
        return Report(
            FORMAT,
            Origin(
                run="runs/<i>tiny</i>",
                config_name="tiny",
                config_hash="c" * 64,
                checkpoint=f"step-{step}",
                checkpoint_hash="k" * 64,
                step=step,
                data="data",
                data_hash="d" * 64,
                trained_on_data_hash="d" * 64,
                beside={"deaf": "runs/deaf"},
                seed=0,
                versions={"python": "3.11", "keras": "3.15"},
                date="2026-01-02T03:04:05Z",
            ),
            LABELS,
            METRICS,
            (NetworkInfo("judge", "a network", "f" * 64, "bilinear", 8, accuracy=0.99),),
            splits,
            (Unmeasured("test, kid", "12 pictures, fewer than a subset of 100"),),
        )

    return make


@pytest.fixture(scope="session")
def drawn_from() -> Callable[..., DrawnSplit]:
    """``drawn_from(photos, classes, players)``: the generated pictures are the photos."""

    def make(photos, classes, players=(), labels=3) -> DrawnSplit:
        count = len(photos)
        names = tuple(f"clip{index}" for index in range(count))
        none = np.zeros(count, bool)
        means = [
            photos[np.equal(classes, label)].mean(0)
            if label in classes
            else np.zeros_like(photos[0])
            for label in range(labels)
        ]
        return DrawnSplit(
            split="test",
            labels=tuple("abcdefgh"[:labels]),
            keys=names,
            recordings=names,
            players=tuple(players),
            silent=none,
            noise_like=none,
            spectrograms=photos[..., :1],
            label=np.eye(labels, dtype=np.float32)[list(classes)],
            photos=photos,
            coarse=photos,
            refined=photos,
            other_sound=photos,
            other_label=photos,
            class_means=np.stack(means),
        )

    return make


@pytest.fixture(scope="session")
def tiny_judge(tiny_data, tiny_config) -> Path:
    """The data set with a judge that learned for a few steps, where evaluations look."""
    from cargan_tf.evaluation.networks.evaluator import train_judge

    train_judge(tiny_data, tiny_config)
    return tiny_data


@pytest.fixture(scope="session")
def report(make_report) -> Report:
    return make_report()


def _drawn(split: str, seed: int) -> DrawnSplit:
    random = np.random.default_rng(seed)
    count = len(LABELS) * len(PLAYERS) * CLIPS
    classes = np.repeat(np.arange(len(LABELS)), count // len(LABELS))
    players = tuple(np.tile(np.repeat(PLAYERS, CLIPS), len(LABELS)).tolist())
    flags = np.arange(count) if split == "test" else np.full(count, -1)

    def pictures(channels: int = 3, number: int = count) -> Any:
        return random.uniform(-1, 1, (number, SIZE, SIZE, channels)).astype(np.float32)

    recordings = tuple(f"r{place // CLIPS}" for place in range(count))
    return DrawnSplit(
        split=split,
        labels=LABELS,
        keys=tuple(f"{split}/{LABELS[classes[place]]}/{place}" for place in range(count)),
        recordings=recordings,
        players=players,
        silent=flags == 0,
        noise_like=flags == 1,
        spectrograms=pictures(1),
        label=np.eye(len(LABELS), dtype=np.float32)[classes],
        photos=pictures(),
        coarse=pictures(),
        refined=pictures(),
        other_sound=pictures(),
        other_label=pictures(),
        class_means=pictures(number=len(LABELS)),
    )


def _split(drawn: DrawnSplit, values: dict[str, float]) -> SplitReport:
    count = len(drawn.keys)
    given = {"fid": 200.0, "judge_accuracy": 0.75, "retrieval_1": 0.25, **values}
    figures = {name: _figure(name, value, count) for name, value in given.items()}
    mean = {"judge_accuracy": Figure(1.0, count), "retrieval_1": Figure(1 / 6, count, chance=1 / 6)}
    rows = (
        Row(REFINED, figures),
        Row(COARSE, {"l1": Figure(0.5, count)}),
        Row(CLASS_MEAN, mean),
        Row(REAL, {"inception_score": Figure(1.9, count)}),
        Row("deaf", {"retrieval_1": Figure(0.1, count)}),
    )
    flagged = {"music": rows[:1], "silent": rows[:1]} if drawn.silent.any() else {}
    confusion = Confusion("judge", ((5, 1), (2, 4)))
    examples = tuple(_example(drawn, index) for index in range(count))
    return SplitReport(drawn.split, count, 20, rows, flagged, (confusion,), examples)


def _figure(name: str, value: float, count: int) -> Figure:
    if name == "fid":
        return Figure(
            value, count, count, floor=44.0, at_floor_size=210.0, singular=True, network="judge"
        )
    if name == "retrieval_1":
        by_class = dict.fromkeys(LABELS, Figure(value, count // 2, chance=1 / 6))
        return Figure(value, count, interval=(0.2, 0.3), chance=1 / 6, by_class=by_class)
    return Figure(value, count)


def _example(drawn: DrawnSplit, index: int) -> Example:
    label, other = LABELS[drawn.classes[index]], LABELS[1 - drawn.classes[index]]
    return Example(
        index=index,
        key=drawn.keys[index],
        recording=drawn.recordings[index],
        label=label,
        player=drawn.players[index],
        silent=bool(drawn.silent[index]),
        noise_like=bool(drawn.noise_like[index]),
        coarse_l1=0.9,
        refined_l1=index / 10,
        predictions={"judge": other if index in (3, 4, 9) else label},
        rank=2,
        candidates=6,
        nearest=(index + 1) % len(drawn.keys),
    )
