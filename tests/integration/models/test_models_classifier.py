import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import ClassifierConfig
from cargan_tf.errors import UserError
from cargan_tf.models.classifier import Classifier, ConvNorm, preprocessed

TINY = ClassifierConfig(blocks=(1, 1, 1, 1), width=4, weights="none")


@pytest.fixture(scope="module")
def donor():
    """keras.applications' ResNet50 with statistics as if it had been trained."""
    keras.utils.set_random_seed(3)
    donor = keras.applications.ResNet50(weights=None, include_top=False)
    random = np.random.default_rng(4)
    for layer in donor.layers:
        if layer.name.endswith("_bn"):
            scale, offset, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    random.uniform(0.4, 0.8, scale.shape),
                    random.normal(0, 0.1, offset.shape),
                    random.normal(0, 0.1, mean.shape),
                    random.uniform(0.5, 2, variance.shape),
                ]
            )
    return donor


@pytest.fixture(scope="module")
def weights_file(donor, tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "resnet50.weights.h5"
    donor.save_weights(file)
    return file


@pytest.fixture(scope="module")
def resnet(weights_file):
    network = Classifier(ClassifierConfig(), 13, name="classifier")
    network(tf.zeros([1, 64, 64, 3]))
    network.load_imagenet(str(weights_file))
    return network


@pytest.mark.slow
def test_equals_keras_resnet50_and_its_preprocessing(donor, resnet):
    images = np.random.default_rng(5).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    prepared = keras.applications.resnet50.preprocess_input((images + 1) * 127.5)
    expected = donor(prepared).numpy().mean(axis=(1, 2))
    assert expected.std() > 1e-3
    ours = resnet.features(tf.constant(images)).numpy()
    assert np.abs(ours - expected).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.slow
def test_every_weight_but_the_dense_layer_s_is_the_donor_s(donor, resnet):
    ours = [variable for variable in resnet.variables if "to_logits" not in variable.path]
    assert sum(int(np.prod(variable.shape)) for variable in ours) == donor.count_params()


@pytest.fixture(scope="module")
def tiny():
    network = Classifier(TINY, 3, name="classifier")
    network(tf.zeros([1, 64, 64, 3]))
    return network


def test_logits_for_each_label(tiny):
    assert tiny(tf.zeros([2, 64, 64, 3])).shape == (2, 3)
    assert tiny.features(tf.zeros([2, 64, 64, 3])).shape == (2, 32 * 4)


def test_training_moves_the_statistics_and_inference_does_not(tiny):
    images = tf.random.stateless_uniform([4, 64, 64, 3], [1, 2], -1, 1)
    statistic = tiny.stem.norm.moving_mean
    before = statistic.numpy().copy()
    tiny(images)
    np.testing.assert_array_equal(statistic, before)
    tiny(images, training=True)
    assert np.any(statistic.numpy() != before)


@pytest.mark.slow
def test_another_shape_cannot_start_from_imagenet(tiny, weights_file):
    with pytest.raises(UserError, match=r"blocks \[3, 4, 6, 3\] and width 64"):
        tiny.load_imagenet(str(weights_file))


def test_another_width_cannot_start_from_imagenet(weights_file):
    network = Classifier(ClassifierConfig(width=4), 3, name="classifier")
    network(tf.zeros([1, 64, 64, 3]))
    with pytest.raises(UserError, match="width 64"):
        network.load_imagenet(str(weights_file))


@pytest.mark.slow
@pytest.mark.parametrize("content", [None, b"not weights"])
def test_a_missing_or_damaged_file_is_named(resnet, tmp_path, content):
    file = tmp_path / "gone.weights.h5"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"gone\.weights\.h5.*classifier\.weights=none"):
        resnet.load_imagenet(str(file))


@pytest.mark.slow
def test_no_network_is_no_silent_random_start(resnet, monkeypatch, tmp_path):
    def unreachable(*arguments, **options):
        raise OSError("Name or service not known")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", unreachable)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(UserError, match=r"Name or service not known.*Name a local file"):
        resnet.load_imagenet("imagenet")


@pytest.mark.parametrize("resnet_variant", ["keras", "torchvision"])
@pytest.mark.parametrize(("size", "folds"), [(16, True), (4, False)])
def test_a_resting_norm_folded_into_its_convolution_changes_nothing(resnet_variant, size, folds):
    """Neither values nor what a generator learns through it; large maps with few channels fold."""
    config = TINY.model_copy(update={"resnet_variant": resnet_variant})
    layer = ConvNorm(config, 6, kernel=3, stride=2, padding=1, name="unit")
    features = tf.random.stateless_normal([2, size, size, 5], [1, 2])
    layer(features)
    random = np.random.default_rng(7)
    for weight in layer.variables:
        weight.assign(random.uniform(0.5, 2, weight.shape))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(features)
        found = layer(features)
        padded = tf.pad(features, [[0, 0], [1, 1], [1, 1], [0, 0]])
        expected = layer.norm(layer.convolution(padded))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)
    gradients = [tape.gradient(result, features) for result in (found, expected)]
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-4)
    spec = tf.TensorSpec(features.shape)
    graph = tf.function(lambda x: layer(x)).get_concrete_function(spec).graph
    norms = [op for op in graph.get_operations() if op.type.startswith("FusedBatchNorm")]
    assert bool(norms) != folds


TORCHVISION = {"resnet_variant": "torchvision", "preprocessing": "torch"}


def by_torchvision(network, images):
    """torchvision's resnet, Bottleneck by Bottleneck, in plain ops from its weights."""

    def convolved(features, unit, stride, padding):
        padded = np.pad(features, [(0, 0), (padding,) * 2, (padding,) * 2, (0, 0)])
        return tf.nn.conv2d(padded, unit.convolution.kernel.value, stride, "VALID")

    def unit(features, layer, stride=1, padding=0):
        norm = layer.norm
        features = convolved(features, layer, stride, padding)
        std = np.sqrt(norm.moving_variance.numpy() + 1e-5)
        scaled = (features - norm.moving_mean.numpy()) / std
        return scaled * norm.gamma.numpy() + norm.beta.numpy()

    relu = tf.nn.relu
    images = ((images + 1) / 2 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    features = relu(unit(images.astype(np.float32), network.stem, stride=2, padding=3))
    # It pads by the least number there is, not by zero.
    lowest = np.pad(features, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    features = tf.nn.max_pool2d(lowest, 3, 2, "VALID")
    for index, block in enumerate(network.stages):
        stride = 2 if index > 0 and block.shortcut else 1
        branch = relu(unit(features, block.reduce))
        branch = relu(unit(branch, block.spatial, stride=stride, padding=1))
        branch = unit(branch, block.expand)
        shortcut = unit(features, block.shortcut, stride=stride) if block.shortcut else features
        features = relu(branch + shortcut)
    kernel, bias = network.to_logits.get_weights()
    return np.mean(features, axis=(1, 2)) @ kernel + bias


def test_flavour_torchvision_is_torchvision_s_graph():
    config = ClassifierConfig(blocks=(1, 2, 1, 1), width=4, weights="none", **TORCHVISION)
    network = Classifier(config, 3, name="classifier")
    images = np.random.default_rng(5).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    network(images)
    random = np.random.default_rng(6)
    for variable in network.variables:
        if variable.path.endswith(("beta", "moving_mean")):
            variable.assign(random.normal(0, 0.1, variable.shape))
        if variable.path.endswith("moving_variance"):
            variable.assign(random.uniform(0.5, 2, variable.shape))
    expected = by_torchvision(network, images)
    np.testing.assert_allclose(network(images), expected, rtol=1e-4, atol=1e-5)
    assert not any("bias" in v.path for v in network.stem.variables)


def test_the_authors_feed_images_as_they_are():
    config = ClassifierConfig(preprocessing="none")
    images = tf.random.stateless_uniform([1, 4, 4, 3], [1, 2], -1, 1)
    assert preprocessed(images, config) is images


def test_keras_imagenet_weights_do_not_fit_torchvision_s_graph():
    network = Classifier(ClassifierConfig(resnet_variant="torchvision"), 3, name="classifier")
    with pytest.raises(UserError, match=r"resnet_variant=keras only.*a resnet50 \.pth"):
        network.load_imagenet("imagenet")
