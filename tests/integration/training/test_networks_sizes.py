import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.errors import UserError
from cargan_tf.training.networks import build_networks


@pytest.fixture
def build(tiny_data, baseline_config, tmp_path):
    """Builds S2IC, the smallest, or another kind: ``build("training.seed=1", kind="cmcgan")``."""

    def build(*texts, kind="s2ic", classifier=tmp_path / "none"):
        config = baseline_config(kind, *texts)
        return build_networks(config, load_dataset(tiny_data), strategy(), classifier)

    return build


def strategy():
    return tf.distribute.MirroredStrategy(["/cpu:0"])


def weights(built):
    return np.concatenate([variable.numpy().ravel() for variable in built.network.variables])


def test_the_seed_decides_where_weights_begin(build):
    first, again, other = build(), build(), build("training.seed=1")
    np.testing.assert_array_equal(weights(first), weights(again))
    assert not np.array_equal(weights(first), weights(other))


def test_what_has_no_c_needs_none(build):
    built = build()
    assert (built.accuracy, built.ema, int(built.step.step.numpy())) == (None, None, 0)


def test_weights_are_averaged_where_so_configured(build):
    assert len(build("training.ema_steps=5").ema.variables) > 10


def test_the_cascade_s_c_is_put_in_or_missed(tiny_data, tiny_classifier, tiny_config, tmp_path):
    dataset, config = load_dataset(tiny_data), override(tiny_config, ["model.stages=1"])
    assert build_networks(config, dataset, strategy(), tiny_classifier).accuracy >= 0.9
    with pytest.raises(UserError, match="Train one first"):
        build_networks(config, dataset, strategy(), tmp_path / "none")
