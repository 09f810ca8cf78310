import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import load_config
from cargan_tf.interop.weight_mapping import classifier_weights, discriminator_weights, unet_weights
from cargan_tf.models.cargan import new_cascade
from cargan_tf.models.classifier import Classifier
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.models.unet import UNet


@pytest.fixture(scope="module")
def cascade(authors_config):
    return new_cascade(authors_config, 13)


@pytest.fixture(scope="module")
def discriminator(authors_config):
    return new_discriminator(authors_config, 13)


@pytest.fixture(params=["G1", "G2", "C2", "D"])
def network_and_weights(request, cascade, discriminator):
    networks = {
        "G1": (cascade.coarse_generator, unet_weights),
        "G2": (cascade.refined_generator, unet_weights),
        "C2": (cascade.classifier, classifier_weights),
        "D": (discriminator, discriminator_weights),
    }
    network, weights_of = networks[request.param]
    return network, weights_of(network)


def test_every_variable_has_one_name(network_and_weights):
    network, weights = network_and_weights
    assert {id(weight.variable) for weight in weights} == {id(v) for v in network.variables}
    assert len({weight.name for weight in weights}) == len(weights) == len(network.variables)


def test_layouts_turn_back(network_and_weights):
    _, weights = network_and_weights
    for weight in weights:
        values = np.random.default_rng(0).normal(size=weight.variable.shape)
        there = weight.to_theirs(values)
        assert there.shape == weight.their_shape
        np.testing.assert_array_equal(weight.to_ours(there), values)


@pytest.mark.parametrize(
    ("file", "prefix", "weights_of"),
    [
        ("unet128_ngf8", "sd/", unet_weights),
        ("train_mode_ngf4_ndf4", "G/sd/", unet_weights),
        ("disc_ndf8", "sd/", discriminator_weights),
        ("train_mode_ngf4_ndf4", "D/sd/", discriminator_weights),
    ],
)
def test_names_and_shapes_are_theirs(golden, file, prefix, weights_of):
    arrays = golden(file)
    expected = {
        name.removeprefix(prefix): values.shape
        for name, values in arrays.items()
        if name.startswith(prefix)
    }
    width = 4 if file.startswith("train") else 8
    texts = [f"model.generator_width={width}", f"model.discriminator_width={width}"]
    config = load_config("authors", texts)
    if weights_of is unet_weights:
        network = UNet(128, config.model)
        network(tf.zeros([1, 128, 128, 16]))
    else:
        network = new_discriminator(config, 13)
    assert {weight.name: weight.their_shape for weight in weights_of(network)} == expected


def test_the_classifier_s_names_are_torchvision_s():
    network = Classifier(load_config("authors").classifier, 13, name="classifier")
    network(tf.zeros([1, 32, 32, 3]))
    shapes = {weight.name: weight.their_shape for weight in classifier_weights(network)}
    # 53 convolutions, each with the 4 arrays of a norm, and the dense layer's 2.
    assert len(shapes) == 53 * 5 + 2
    assert shapes["model.conv1.weight"] == (64, 3, 7, 7)
    assert shapes["model.layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["model.layer2.0.conv2.weight"] == (128, 128, 3, 3)
    assert shapes["model.layer4.2.bn3.running_var"] == (2048,)
    assert shapes["model.fc.weight"] == (13, 2048)
    assert "model.layer1.1.downsample.0.weight" not in shapes
    assert not any("conv" in name and name.endswith("bias") for name in shapes)
    trained = sum(int(np.prod(shape)) for name, shape in shapes.items() if ".running_" not in name)
    assert trained == 25_557_032 - 1000 * 2049 + 13 * 2049  # torchvision's, with 13 labels
