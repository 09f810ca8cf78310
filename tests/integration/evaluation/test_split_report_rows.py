from types import SimpleNamespace

import numpy as np
import pytest

from cargan_tf.evaluation.metrics.registry import METRICS, chosen_metrics
from cargan_tf.evaluation.networks.feature_network import Activations
from cargan_tf.evaluation.networks.registry import Networks
from cargan_tf.evaluation.split_report import (
    SplitInputs,
    group_rows,
    measure_row,
    measure_split,
)
from cargan_tf.utils.progress import SilentReporter

CLASSES = np.repeat([0, 1, 2], 8)


class Seer:
    """Sees the mean color; its classes are red, green and blue. Counts what it is shown."""

    def __init__(self, name):
        self.info = SimpleNamespace(name=name)
        self.shown = []

    def __call__(self, images):
        self.shown.append(images)
        means = images.mean(axis=(1, 2))
        return Activations(means, means)


@pytest.fixture
def generated(drawn_from):
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
    return Networks(found, {"evaluator": "the evaluator is out"})


def measured(inputs, metrics=METRICS):
    missing = []
    with SilentReporter().task("Measure", 4) as task:
        found = list(measure_split(inputs, metrics, missing, task))
    return found, missing


def test_rows_stand_in_order_and_have_what_applies_to_them(generated, networks):
    found, _ = measured(SplitInputs(generated, {"deaf": generated}, networks, seed=0))
    values = {row.name: row.values for _, row, _ in found}
    assert list(values) == ["refined", "coarse", "class mean", "real photos", "deaf"]
    assert set(values["real photos"]) == {"classifier_accuracy", "inception_score"}
    assert set(values["refined"]) - set(values["coarse"]) == {
        *("sound_sensitivity", "label_sensitivity", "movement_ratio"),
    }
    assert set(values["deaf"]) == set(values["refined"])
    assert values["coarse"]["l1"].value == pytest.approx(2 * values["refined"]["l1"].value, 1e-3)
    for row in values.values():
        assert row["classifier_accuracy"].value == 1


def test_what_ignores_the_sound_is_shown_up(generated, networks):
    found, _ = measured(SplitInputs(generated, {}, networks, seed=0))
    values = {row.name: row.values for _, row, _ in found}
    assert values["class mean"]["classifier_accuracy"].value == 1
    assert values["class mean"]["retrieval_1"].value == pytest.approx(1 / 8)
    assert values["refined"]["retrieval_1"].value == 1


def test_a_missing_network_costs_its_figures_alone_and_is_said_of_every_row(generated, networks):
    found, missing = measured(SplitInputs(generated, {}, networks, seed=0))
    said = {(one.metric, one.reason) for one in missing}
    assert ("accuracy (evaluator) of refined, test", "the evaluator is out") in said
    assert ("accuracy (evaluator) of real photos, test", "the evaluator is out") in said
    assert "R@10 of refined, test" in {what for what, _ in said}  # eight photos a class
    assert "fid" in found[0][1].values


def test_photos_are_looked_at_once(generated, networks):
    measured(SplitInputs(generated, {}, networks, seed=0))
    shown = networks.found["features"].shown
    assert sum(np.array_equal(images, generated.photos) for images in shown) == 1


def test_one_stage_has_no_coarse_row(generated, networks):
    object.__setattr__(generated, "coarse", generated.refined)
    inputs = SplitInputs(generated, {}, networks, seed=0)
    assert inputs.kinds == ["refined", "class mean", "real photos"]


def test_all_music_is_nothing_apart(generated):
    assert group_rows(generated) == {}


def test_silent_and_noise_like_clips_are_measured_apart(generated, networks):
    object.__setattr__(generated, "silent", np.arange(24) == 3)
    object.__setattr__(generated, "noise_like", np.arange(24) == 9)
    found, _ = measured(SplitInputs(generated, {}, networks, seed=0))
    _, row, subsets = found[0]
    assert list(subsets) == ["music", "silent", "noise-like"]
    assert {name: one.values["l1"].images for name, one in subsets.items()} == {
        **{"music": 22, "silent": 1, "noise-like": 1},
    }
    assert subsets["silent"].values["retrieval_1"].chance == pytest.approx(1 / 8)
    assert row.values["l1"].images == 24
    assert "fid" not in subsets["music"].values  # of so few it says nothing


def test_a_row_of_chosen_figures_alone(generated, networks):
    inputs = SplitInputs(generated, {}, networks, seed=0).row("refined")
    row = measure_row(inputs, chosen_metrics(["l1"]), "refined, test", [])
    assert list(row.values) == ["l1"]
