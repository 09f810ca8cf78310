import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.errors import UserError
from cargan_tf.models.classifier import Classifier
from cargan_tf.training.classifiers.train_classifier import load_classifier, train_classifier

LABELS = ("cello", "flute", "violin")
LENIENT = ("classifier.minimum_accuracy=0", "classifier.epochs=12")


@pytest.fixture
def folder(tiny_classifier, tmp_path):
    """A copy to damage."""
    return shutil.copytree(tiny_classifier, tmp_path / "classifier")


@pytest.fixture(scope="module")
def network(tiny_config):
    network = Classifier(tiny_config.classifier, 3, name="classifier")
    network(tf.zeros([1, 64, 64, 3]))
    return network


def load(folder, config, network, labels=LABELS):
    return load_classifier(folder, config, labels, into=network)


def rewrite(folder, **values):
    file = folder / "classifier.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_what_was_trained_is_loaded_and_is_as_good_as_reported(
    folder, tiny_config, network, trained
):
    report = load(folder, tiny_config, network)
    batches = evaluation_batches(trained.dataset, trained.data, tiny_config, report.split, 8)
    correct_predictions = [
        np.argmax(network(batch["photo"]), 1) == np.argmax(batch["label"], 1) for batch in batches
    ]
    assert np.mean(np.concatenate(correct_predictions)) == report.accuracy >= 0.9
    assert (report.split, report.photos, report.labels) == ("validation", 12, LABELS)


def test_a_missing_classifier_names_the_command(tmp_path, tiny_config, network):
    with pytest.raises(UserError, match=r"no classifier in .*Train one first: cargan classifier"):
        load(tmp_path / "none", tiny_config, network)


def test_a_weak_classifier_is_refused_unless_the_bar_is_lowered(folder, tiny_config, network):
    rewrite(folder, accuracy=0.5)
    with pytest.raises(UserError, match=r"accuracy 0\.500 .*minimum_accuracy = 0\.9"):
        load(folder, tiny_config, network)
    lenient = override(tiny_config, ["classifier.minimum_accuracy=0.4"])
    assert load(folder, lenient, network).accuracy == 0.5


@pytest.mark.parametrize("labels", [("cello", "flute"), ("flute", "cello", "violin")])
def test_other_labels_are_refused(folder, tiny_config, network, labels):
    with pytest.raises(UserError, match="knows the labels cello, flute, violin"):
        load(folder, tiny_config, network, labels)


@pytest.mark.parametrize(
    "text", ["data.image_size=128", "classifier.width=8", "classifier.blocks=[1,1,2,1]"]
)
def test_another_network_or_image_size_is_refused(folder, tiny_config, network, text):
    with pytest.raises(UserError, match="image size, blocks and width"):
        load(folder, override(tiny_config, [text]), network)


@pytest.mark.parametrize(
    ("name", "value"), [("accuracy", "good"), ("labels", 3), ("config", {"width": "wide"})]
)
def test_a_report_with_a_value_of_another_type_is_damaged(
    folder, tiny_config, network, name, value
):
    file = folder / "classifier.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), name: value}), "utf-8")
    with pytest.raises(UserError, match=r"classifier\.json is damaged"):
        load(folder, tiny_config, network)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"accuracy": 1}'])
def test_a_damaged_report_is_named(folder, tiny_config, network, content):
    (folder / "classifier.json").write_text(content)
    with pytest.raises(UserError, match=r"classifier\.json is damaged"):
        load(folder, tiny_config, network)


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "cut short"])
def test_damaged_weights_are_named(folder, tiny_config, network, damage):
    file = folder / "classifier.npz"
    whole = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes({"empty": b"", "text": b"no weights", "cut short": whole[:-99]}[damage])
    with pytest.raises(UserError, match=r"classifier\.npz is damaged; train the classifier again"):
        load(folder, tiny_config, network)


def test_one_that_learned_nothing_is_not_blessed(tiny_data, tiny_config, network, tmp_path):
    lazy = override(tiny_config, ["classifier.epochs=1", "classifier.learning_rate=1e-9"])
    with pytest.raises(UserError, match=r"cannot guide the generators"):
        train_classifier(tiny_data, lazy, tmp_path / "weak")
    with pytest.raises(UserError, match=r"cannot guide the generators"):
        load(tmp_path / "weak", lazy, network)


def test_without_held_out_photos_its_accuracy_cannot_be_known(tiny_data, tiny_config, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data")
    description = json.loads((data / "dataset.json").read_text())
    description["shards"] = {"train": description["shards"]["train"]}
    (data / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="only a training split"):
        train_classifier(data, tiny_config)


@pytest.mark.slow
def test_with_noise_it_learns_from_changed_photos_and_bears_grain_better(
    trained, tiny_config, tmp_path
):
    def accuracy_in_grain(noise):
        config = override(tiny_config, [f"classifier.noise={noise}", *LENIENT])
        report = train_classifier(trained.data, config, tmp_path / str(noise))
        assert report.config["noise"] == noise
        network = Classifier(config.classifier, 3, name="classifier")
        network(tf.zeros([1, 64, 64, 3]))
        load_classifier(tmp_path / str(noise), config, LABELS, into=network)
        right = []
        for batch in evaluation_batches(trained.dataset, trained.data, config, "validation", 8):
            grain = np.random.default_rng(0).normal(0, 0.5, batch["photo"].shape)
            logits = network(batch["photo"] + tf.cast(grain, tf.float32))
            right += list(np.argmax(logits, 1) == np.argmax(batch["label"], 1))
        return np.mean(right)

    assert accuracy_in_grain(0.6) > accuracy_in_grain(0.0)
