"""A report as an evaluation would make it, of two labels whose names are not to be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cargan_tf.evaluation.generation import GeneratedSplit
from cargan_tf.evaluation.report import (
    CLASS_MEAN,
    COARSE,
    FORMAT,
    REAL,
    REFINED,
    Confusion,
    Example,
    Limits,
    MetricInfo,
    MetricValue,
    NetworkInfo,
    Provenance,
    Report,
    Row,
    SkippedMetric,
    SplitReport,
)
from cargan_tf.evaluation.training_photos import Still

LABELS = ("double_bass", "<b>flute</b>")
PLAYERS = ("Ann & Bob", '"><script>alert(1)</script>')
CLIPS = 3  # of each player of each label
SIZE = 16

METRICS = (
    MetricInfo("fid", "FID", "lower", False, "Distance of features."),
    MetricInfo("inception_score", "IS", "higher", False, "Sure of each, even over all."),
    MetricInfo("kid", "KID", "lower", False, "Kernel distance of features."),
    MetricInfo("retrieval_1", "R@1", "higher", True, "Fraction whose own photo is nearest."),
    MetricInfo("player_match", "player match", "higher", True, "Fraction with the right player."),
    MetricInfo("classifier_accuracy", "accuracy, C", "higher", True, "Fraction seen right by C."),
    MetricInfo("evaluator_accuracy", "accuracy, evaluator", "higher", True, "Fraction seen right."),
    MetricInfo("l1", "L1", "lower", False, "Mean difference."),
)


@pytest.fixture(scope="session")
def generated() -> dict[str, GeneratedSplit]:
    """Both splits, drawn by chance; in the test split one clip is silent and one is like noise."""
    return {split: _generated(split, seed) for seed, split in enumerate(("train", "test"))}


@pytest.fixture(scope="session")
def make_report(generated) -> Callable[..., Report]:
    """``make_report(fid=200.0, step=6, split="test")``: figures of the refined images."""

    def make(step: int = 6, held_out: str = "test", **values: float) -> Report:
        splits = tuple(_split(one, values) for one in generated.values())
        if held_out != "test":
            splits = (splits[0], replace(splits[1], split=held_out))
        return Report(
            FORMAT,
            Provenance(
                run="runs/<i>tiny</i>",
                config_name="tiny",
                config_hash="c" * 64,
                checkpoint=f"step-{step}",
                checkpoint_hash="k" * 64,
                step=step,
                data="data",
                data_hash="d" * 64,
                trained_on_data_hash="d" * 64,
                compared={"deaf": "runs/deaf"},
                features="efficientnet-lite0",
                limits=Limits(),
                versions={"python": "3.11", "keras": "3.15"},
                date="2026-01-02T03:04:05Z",
            ),
            LABELS,
            METRICS,
            (NetworkInfo("evaluator", "a network", "f" * 64, "bilinear", 8, accuracy=0.99),),
            splits,
            (SkippedMetric("test, kid", "12 images, fewer than a subset of 100"),),
        )

    return make


@pytest.fixture(scope="session")
def drawn_from() -> Callable[..., GeneratedSplit]:
    """``drawn_from(photos, classes, players)``: the generated images are the photos."""

    def make(photos, classes, players=(), labels=3) -> GeneratedSplit:
        count = len(photos)
        names = tuple(f"clip{index}" for index in range(count))
        none = np.zeros(count, bool)
        means = [
            photos[np.equal(classes, label)].mean(0)
            if label in classes
            else np.zeros_like(photos[0])
            for label in range(labels)
        ]
        return GeneratedSplit(
            split="test",
            labels=tuple("abcdefgh"[:labels]),
            keys=names,
            recordings=names,
            players=tuple(players),
            silent=none,
            noise_like=none,
            pitch=np.full(len(none), np.nan, np.float32),
            loudness=np.full(len(none), -20, np.float32),
            spectrograms=photos[..., :1],
            label=np.eye(labels, dtype=np.float32)[list(classes)],
            photos=photos,
            coarse=photos,
            refined=photos,
            other_sound=photos,
            other_label=photos,
            stills={CLASS_MEAN: Still(np.stack(means), np.asarray(classes, np.int64))},
            missing_stills={},
        )

    return make


@pytest.fixture(scope="session")
def tiny_evaluator(tiny_data, tiny_config) -> Path:
    """The data set with evaluators that learned for a few steps, where evaluations look."""
    from cargan_tf.evaluation.networks.evaluator import train_evaluators

    train_evaluators(tiny_data, tiny_config)
    return tiny_data


@pytest.fixture(scope="session")
def report(make_report) -> Report:
    return make_report()


def _generated(split: str, seed: int) -> GeneratedSplit:
    random = np.random.default_rng(seed)
    count = len(LABELS) * len(PLAYERS) * CLIPS
    classes = np.repeat(np.arange(len(LABELS)), count // len(LABELS))
    players = tuple(np.tile(np.repeat(PLAYERS, CLIPS), len(LABELS)).tolist())
    flags = np.arange(count) if split == "test" else np.full(count, -1)

    def images(channels: int = 3, number: int = count) -> Any:
        return random.uniform(-1, 1, (number, SIZE, SIZE, channels)).astype(np.float32)

    recordings = tuple(f"r{position // CLIPS}" for position in range(count))
    return GeneratedSplit(
        split=split,
        labels=LABELS,
        keys=tuple(f"{split}/{LABELS[classes[position]]}/{position}" for position in range(count)),
        recordings=recordings,
        players=players,
        silent=flags == 0,
        noise_like=flags == 1,
        pitch=np.full(count, np.nan, np.float32),
        loudness=np.full(count, -20, np.float32),
        spectrograms=images(1),
        label=np.eye(len(LABELS), dtype=np.float32)[classes],
        photos=images(),
        coarse=images(),
        refined=images(),
        other_sound=images(),
        other_label=images(),
        stills={CLASS_MEAN: Still(images(number=len(LABELS)), classes)},
        missing_stills={},
    )


def _split(generated: GeneratedSplit, values: dict[str, float]) -> SplitReport:
    count = len(generated.keys)
    given = {"fid": 200.0, "evaluator_accuracy": 0.75, "retrieval_1": 0.25, **values}
    values = {name: _figure(name, value, count) for name, value in given.items()}
    mean = {
        "evaluator_accuracy": MetricValue(1.0, count),
        "retrieval_1": MetricValue(1 / 6, count, chance=1 / 6),
    }
    rows = (
        Row(REFINED, values),
        Row(COARSE, {"l1": MetricValue(0.5, count)}),
        Row(CLASS_MEAN, mean),
        Row(REAL, {"inception_score": MetricValue(1.9, count)}),
        Row("deaf", {"retrieval_1": MetricValue(0.1, count)}),
    )
    flagged = {"music": rows[:1], "silent": rows[:1]} if generated.silent.any() else {}
    confusion = Confusion("evaluator", ((5, 1), (2, 4)))
    examples = tuple(_example(generated, index) for index in range(count))
    return SplitReport(generated.split, count, 20, rows, flagged, (confusion,), examples)


def _figure(name: str, value: float, count: int) -> MetricValue:
    if name == "fid":
        return MetricValue(
            value, count, count, floor=44.0, at_floor_size=210.0, singular=True, network="evaluator"
        )
    if name == "retrieval_1":
        by_class = dict.fromkeys(LABELS, MetricValue(value, count // 2, chance=1 / 6))
        return MetricValue(value, count, interval=(0.2, 0.3), chance=1 / 6, by_class=by_class)
    return MetricValue(value, count)


def _example(generated: GeneratedSplit, index: int) -> Example:
    label, other = LABELS[generated.classes[index]], LABELS[1 - generated.classes[index]]
    return Example(
        index=index,
        key=generated.keys[index],
        recording=generated.recordings[index],
        label=label,
        player=generated.players[index],
        silent=bool(generated.silent[index]),
        noise_like=bool(generated.noise_like[index]),
        coarse_l1=0.9,
        refined_l1=index / 10,
        predictions={"evaluator": other if index in (3, 4, 9) else label},
        rank=2,
        candidates=6,
        nearest=(index + 1) % len(generated.keys),
    )
