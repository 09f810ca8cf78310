from types import SimpleNamespace

import numpy as np
import pytest

from cargan_tf.evaluation.metrics.registry import METRICS, chosen_metrics
from cargan_tf.evaluation.networks.feature_network import Seen
from cargan_tf.evaluation.networks.registry import Networks
from cargan_tf.evaluation.split_report import (
    SplitMaterial,
    groups_apart,
    measure_row,
    measure_split,
)
from cargan_tf.utils.progress import SilentReporter

CLASSES = np.repeat([0, 1, 2], 8)


class Seer:
    """Sees the mean colour; its classes are red, green and blue. Counts what it is shown."""

    def __init__(self, name):
        self.info = SimpleNamespace(name=name)
        self.shown = []

    def __call__(self, pictures):
        self.shown.append(pictures)
        means = pictures.mean(axis=(1, 2))
        return Seen(means, means)


@pytest.fixture
def drawn(drawn_from):
    random = np.random.default_rng(0)
    photos = 0.3 * random.uniform(-1, 1, (24, 8, 8, 3))
    photos[np.arange(24), :, :, CLASSES] += 0.6
    made = drawn_from(photos.astype(np.float32), CLASSES, ("ann", "bob") * 12)
    noise = random.normal(0, 0.05, photos.shape).astype(np.float32)
    for name, factor in (("coarse", 2), ("refined", 1), ("other_sound", 3), ("other_label", 4)):
        object.__setattr__(made, name, made.photos + factor * noise)
    return made


@pytest.fixture
def networks():
    found = {role: Seer(role) for role in ("features", "classifier")}
    return Networks(found, {"judge": "the judge is out"})


def measured(material, metrics=METRICS):
    missing = []
    with SilentReporter().task("Measure", 4) as task:
        found = list(measure_split(material, metrics, missing, task))
    return found, missing


def test_rows_stand_in_order_and_have_what_applies_to_them(drawn, networks):
    found, _ = measured(SplitMaterial(drawn, {"deaf": drawn}, networks, seed=0))
    figures = {row.name: row.figures for _, row, _ in found}
    assert list(figures) == ["refined", "coarse", "class mean", "real photos", "deaf"]
    assert set(figures["real photos"]) == {"classifier_accuracy", "inception_score"}
    assert set(figures["refined"]) - set(figures["coarse"]) == {
        *("sound_movement", "label_movement", "movement_ratio"),
    }
    assert set(figures["deaf"]) == set(figures["refined"])
    assert figures["coarse"]["l1"].value == pytest.approx(2 * figures["refined"]["l1"].value, 1e-3)
    for row in figures.values():
        assert row["classifier_accuracy"].value == 1


def test_what_ignores_the_sound_is_shown_up(drawn, networks):
    found, _ = measured(SplitMaterial(drawn, {}, networks, seed=0))
    figures = {row.name: row.figures for _, row, _ in found}
    assert figures["class mean"]["classifier_accuracy"].value == 1
    assert figures["class mean"]["retrieval_1"].value == pytest.approx(1 / 8)
    assert figures["refined"]["retrieval_1"].value == 1


def test_a_missing_network_costs_its_figures_alone_and_is_said_of_every_row(drawn, networks):
    found, missing = measured(SplitMaterial(drawn, {}, networks, seed=0))
    said = {(one.what, one.why) for one in missing}
    assert ("accuracy (judge) of refined, test", "the judge is out") in said
    assert ("accuracy (judge) of real photos, test", "the judge is out") in said
    assert "R@10 of refined, test" in {what for what, _ in said}  # eight photos a class
    assert "fid" in found[0][1].figures


def test_photos_are_looked_at_once(drawn, networks):
    measured(SplitMaterial(drawn, {}, networks, seed=0))
    shown = networks.found["features"].shown
    assert sum(np.array_equal(pictures, drawn.photos) for pictures in shown) == 1


def test_one_stage_has_no_coarse_row(drawn, networks):
    object.__setattr__(drawn, "coarse", drawn.refined)
    material = SplitMaterial(drawn, {}, networks, seed=0)
    assert material.kinds == ["refined", "class mean", "real photos"]


def test_all_music_is_nothing_apart(drawn):
    assert groups_apart(drawn) == {}


def test_silent_and_noise_like_clips_are_measured_apart(drawn, networks):
    object.__setattr__(drawn, "silent", np.arange(24) == 3)
    object.__setattr__(drawn, "noise_like", np.arange(24) == 9)
    found, _ = measured(SplitMaterial(drawn, {}, networks, seed=0))
    _, row, apart = found[0]
    assert list(apart) == ["music", "silent", "noise-like"]
    assert {name: one.figures["l1"].pictures for name, one in apart.items()} == {
        **{"music": 22, "silent": 1, "noise-like": 1},
    }
    assert apart["silent"].figures["retrieval_1"].chance == pytest.approx(1 / 8)
    assert row.figures["l1"].pictures == 24
    assert "fid" not in apart["music"].figures  # of so few it says nothing


def test_a_row_of_chosen_figures_alone(drawn, networks):
    material = SplitMaterial(drawn, {}, networks, seed=0).row("refined")
    row = measure_row(material, chosen_metrics(["l1"]), "refined, test", [])
    assert list(row.figures) == ["l1"]
