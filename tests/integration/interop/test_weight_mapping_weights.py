from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import ClassifierConfig
from cargan_tf.errors import UserError
from cargan_tf.interop.pytorch_files import write_state_dict
from cargan_tf.interop.weight_mapping import (
    classifier_weights,
    load_state,
    load_torchvision,
    state_of,
    unet_weights,
)
from cargan_tf.models.classifier import Classifier
from cargan_tf.models.unet import UNet

FILE = Path("G1.pth")


@pytest.fixture
def weights(authors_config):
    network = UNet(32, authors_config.model)
    network(tf.zeros([1, 32, 32, 16]))
    return unet_weights(network)


def changed(weights):
    """A state of other values than the network has."""
    return {name: values + 1 for name, values in state_of(weights, 3).items()}


def test_what_goes_in_comes_out(weights):
    state = changed(weights)
    load_state(state, weights, FILE)
    for name, values in state_of(weights, 4).items():
        assert values.flags.c_contiguous
        np.testing.assert_array_equal(values, state[name])


def test_norms_say_how_many_batches_they_have_seen(weights):
    state = state_of(weights, 3)
    tracked = {name: values for name, values in state.items() if name.endswith("tracked")}
    assert len(tracked) == sum(name.endswith("running_mean") for name in state)
    assert all(values == 3 and values.dtype == np.int64 for values in tracked.values())


def test_neither_the_count_nor_a_prefix_of_parallel_training_matters(weights):
    state = {f"module.{name}": values for name, values in changed(weights).items()}
    state = {name: values for name, values in state.items() if not name.endswith("tracked")}
    load_state(state, weights, FILE)
    np.testing.assert_array_equal(
        state_of(weights, 0)["model.model.3.bias"], state["module.model.model.3.bias"]
    )


def test_what_does_not_fit_is_listed_and_nothing_is_changed(weights):
    before = state_of(weights, 0)
    state = changed(weights)
    state["model.model.3.bias"] = np.zeros(4, np.float32)
    state["surprise"] = state.pop("model.model.0.weight")
    with pytest.raises(UserError) as caught:
        load_state(state, weights, FILE)
    message = str(caught.value)
    assert "G1.pth does not fit" in message
    assert "missing: model.model.0.weight;" in message
    assert "unknown: surprise;" in message
    assert "of another shape: model.model.3.bias [4] (expected [3])" in message
    for name, values in state_of(weights, 0).items():
        np.testing.assert_array_equal(values, before[name])


def test_a_wholly_other_file_is_told_in_one_line(weights):
    with pytest.raises(UserError, match=r"missing: .* and \d+ more") as caught:
        load_state({"x": np.zeros(1)}, weights, FILE)
    assert len(str(caught.value)) < 700


def test_the_classifier_starts_from_torchvision_s_file(tmp_path):
    config = ClassifierConfig(blocks=(1, 1, 1, 1), width=2, resnet_variant="torchvision")
    network = Classifier(config, 5, name="classifier")
    network(tf.zeros([1, 32, 32, 3]))
    theirs = {
        name.removeprefix("model."): values
        for name, values in changed(classifier_weights(network)).items()
    }
    theirs |= {"fc.weight": np.ones((1000, 64), np.float32), "fc.bias": np.ones(1000, np.float32)}
    write_state_dict(tmp_path / "resnet50.pth", theirs)
    dense = network.to_logits.get_weights()
    load_torchvision(network, tmp_path / "resnet50.pth")
    found = state_of(classifier_weights(network), 0)
    np.testing.assert_array_equal(
        found["model.layer3.0.conv2.weight"], theirs["layer3.0.conv2.weight"]
    )
    for left, right in zip(dense, network.to_logits.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
