import keras
import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.features.inception import inception


@pytest.mark.slow
def test_weights_of_a_file_are_used(tmp_path):
    keras.utils.set_random_seed(0)
    donor = keras.applications.InceptionV3(weights=None, classifier_activation=None)
    file = tmp_path / "inception.weights.h5"
    donor.save_weights(file)
    network = inception(str(file))
    picture = np.random.default_rng(0).uniform(-1, 1, (1, 299, 299, 3)).astype(np.float32)
    pixels = np.round((picture + 1) * 127.5)
    seen = network(picture)
    assert seen.features.shape == (1, 2048)
    np.testing.assert_allclose(seen.logits, donor(pixels / 127.5 - 1), rtol=1e-3, atol=1e-5)
    assert "inception.weights.h5" in network.info.what


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UserError, match=r"no weights of InceptionV3 at missing\.h5"):
        inception("missing.h5")


def test_where_the_download_fails_one_is_told_what_else_to_do(monkeypatch):
    def fail(**settings):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "InceptionV3", fail)
    with pytest.raises(UserError, match=r"URL fetch failure\).*--features inception=FILE.*lite0"):
        inception()
