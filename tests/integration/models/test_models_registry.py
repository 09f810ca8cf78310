import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.models.cargan import Cascade
from cargan_tf.models.cmcgan import CMCGAN
from cargan_tf.models.registry import new_network
from cargan_tf.models.s2ic import S2IC


@pytest.mark.parametrize(
    ("kind", "network", "name"),
    [("cargan", Cascade, "cascade"), ("s2ic", S2IC, "s2ic"), ("cmcgan", CMCGAN, "cmcgan")],
)
def test_each_kind_has_its_network_under_the_name_in_its_checkpoints(
    tiny_config, baseline_config, kind, network, name
):
    small = "data.image_size=32"
    config = override(tiny_config, [small]) if kind == "cargan" else baseline_config(kind, small)
    made = new_network(config, 3)
    assert type(made) is network
    assert made.name == name


@pytest.mark.parametrize("labels", [2, 13])
def test_the_cascade_tells_as_many_labels_as_there_are(tiny_config, labels):
    config = override(tiny_config, ["data.image_size=32", "model.stages=1"])
    cascade = new_network(config, labels)
    assert cascade.classifier(tf.zeros([1, 32, 32, 3])).shape == (1, labels)


def test_a_kind_that_nobody_knows_is_refused_before_there_is_a_network(tiny_config):
    with pytest.raises(UserError, match=r"model\.kind = 'pix2pix'.*'cargan', 's2ic' or 'cmcgan'"):
        override(tiny_config, ["model.kind=pix2pix"])
