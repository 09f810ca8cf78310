import keras
import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks.feature_network import weights_hash
from cargan_tf.evaluation.networks.inception_v3 import inception


@pytest.mark.slow
def test_weights_of_a_file_are_used(tmp_path):
    keras.utils.set_random_seed(0)
    donor = keras.applications.InceptionV3(weights=None, classifier_activation=None)
    file = tmp_path / "inception.weights.h5"
    donor.save_weights(file)
    network = inception(str(file))
    seen = network(np.zeros((1, 64, 64, 3), np.float32))
    assert (seen.features.shape, seen.logits.shape) == ((1, 2048), (1, 1000))
    # The features are what the last layer takes.
    kernel, bias = donor.layers[-1].get_weights()
    np.testing.assert_allclose(seen.features @ kernel + bias, seen.logits, rtol=1e-4, atol=1e-6)
    assert network.info.weights_hash == weights_hash(donor.variables)
    assert "inception.weights.h5" in network.info.description


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"no weights of InceptionV3 at missing\.h5"):
        inception("missing.h5")


def test_where_the_download_fails_one_is_told_what_else_to_do(monkeypatch):
    def fail(**settings):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "InceptionV3", fail)
    with pytest.raises(UserError, match=r"URL fetch failure\).*--features inception=FILE.*lite0"):
        inception()
