import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks.registry import feature_network


def test_c_is_the_run_s():
    assert feature_network("classifier", of_run="C") == "C"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("classifier", "this run has no classifier"),
        ("inceptoin", "no feature network 'inceptoin'. Did you mean 'inception'"),
        ("inception=nowhere.h5", "no weights of InceptionV3 at nowhere.h5"),
        ("efficientnet-lite0=x", "There are efficientnet-lite0, inception, classifier"),
    ],
)
def test_what_cannot_be_had_is_named(name, said):
    with pytest.raises(UserError) as error:
        feature_network(name, None)
    assert said in str(error.value)
