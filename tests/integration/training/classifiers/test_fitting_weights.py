import keras
import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.training.classifiers.fitting import load_weights, save_weights


def network(*widths):
    keras.utils.set_random_seed(len(widths))
    return keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(width) for width in widths)])


def test_weights_come_back(tmp_path):
    made, other = network(4, 2), network(4, 2)
    made.set_weights([value + 1 for value in made.get_weights()])
    save_weights(made, tmp_path / "weights.npz")
    load_weights(other, tmp_path / "weights.npz", "again")
    for ours, theirs in zip(other.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("widths", [(4,), (4, 2, 2), (4, 3)], ids=["fewer", "more", "wider"])
def test_those_of_another_network_are_refused_and_none_is_put_in(tmp_path, widths):
    save_weights(network(4, 2), tmp_path / "weights.npz")
    other = network(*widths)
    before = other.get_weights()
    with pytest.raises(UserError, match=r"weights\.npz is damaged; train it again\."):
        load_weights(other, tmp_path / "weights.npz", "train it again")
    for ours, theirs in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_network_that_was_never_called_has_no_weights_to_load(tmp_path):
    with pytest.raises(ValueError, match="has no variables yet"):
        load_weights(keras.Sequential([keras.layers.Dense(2)]), tmp_path / "weights.npz", "again")
