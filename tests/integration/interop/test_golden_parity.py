"""Our networks and losses against the numbers that the authors' gave."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import load_config
from cargan_tf.interop.weight_mapping import discriminator_weights, load_state, unet_weights
from cargan_tf.models.attention import ReferenceAttention, attend
from cargan_tf.models.patchgan import PatchGAN
from cargan_tf.models.unet import UNet
from cargan_tf.training.losses import (
    active_loss_weights,
    classification_loss,
    double_softmax_loss,
    gan_fake_loss,
    gan_real_loss,
    l1_loss,
)

TOLERANCE = 1e-4


def ours(values):
    """[B, C, H, W] to [B, H, W, C]."""
    return tf.constant(np.transpose(values, (0, 2, 3, 1)))


def theirs(features):
    return np.transpose(features, (0, 3, 1, 2))


def close(value, expected):
    np.testing.assert_allclose(value, expected, atol=TOLERANCE, rtol=0)


def starting_with(prefix, arrays):
    return {
        name.removeprefix(prefix): value
        for name, value in arrays.items()
        if name.startswith(prefix)
    }


def model_config(**changes):
    return load_config("authors").model.model_copy(update=changes)


def loaded(network, weights_of, arrays, prefix, channels):
    network(tf.zeros([1, 128, 128, channels]))
    load_state(starting_with(prefix, arrays), weights_of(network), Path("golden"))
    return network


@pytest.fixture(scope="module")
def attention(golden):
    arrays = golden("self_attn_64")
    layer = ReferenceAttention(init_stddev=0.02)
    layer.build((None, 16, 16, 64))
    for name in ("query", "key", "value"):
        kernel, bias = (arrays[f"sd/{name}_conv.{part}"] for part in ("weight", "bias"))
        getattr(layer, name).set_weights([kernel.transpose(2, 3, 1, 0), bias])
    return layer, arrays


@pytest.mark.parametrize("which", ["", "2"])
def test_attention_is_theirs(attention, which):
    layer, arrays = attention
    close(theirs(layer(ours(arrays[f"input{which}"]))), arrays[f"output{which}"])


def test_what_their_attention_would_be_were_places_and_channels_exchanged(attention):
    """The heart of our own attention: ``softmax(q kᵀ) v``, with their weights."""
    layer, arrays = attention
    features = ours(arrays["input"])

    def positions(values):
        return tf.reshape(values, [2, -1, values.shape[-1]])

    def pooled(values):
        return tf.nn.max_pool2d(values, 2, 2, "VALID")

    query, key, value = layer.query(features), layer.key(features), layer.value(features)
    attended = attend(positions(query), positions(pooled(key)), positions(pooled(value)))
    close(
        theirs(features + tf.reshape(attended, features.shape)),
        arrays["output_if_correctly_permuted"],
    )


def test_generator_in_inference(golden):
    arrays = golden("unet128_ngf8")
    network = UNet(128, model_config(generator_width=8))
    loaded(network, unet_weights, arrays, "sd/", channels=16)
    close(theirs(network(ours(arrays["input"])).image), arrays["output"])


@pytest.mark.parametrize(
    ("tanh", "output"), [(True, "output"), (False, "output_pre_tanh")], ids=["tanh", "logits"]
)
def test_discriminator_in_inference(golden, tanh, output):
    arrays = golden("disc_ndf8")
    network = PatchGAN(model_config(discriminator_width=8, discriminator_tanh=tanh))
    loaded(network, discriminator_weights, arrays, "sd/", channels=19)
    close(theirs(network(ours(arrays["input"]))), arrays[output])


@pytest.fixture(scope="module")
def trained_once(golden):
    """G and D in training mode, and the gradient of 100 L1 + the adversarial loss at G."""
    arrays = golden("train_mode_ngf4_ndf4")
    config = model_config(generator_width=4, discriminator_width=4, dropout=0.0)
    generator = loaded(UNet(128, config), unet_weights, arrays, "G/sd/", channels=16)
    evaluator = loaded(PatchGAN(config), discriminator_weights, arrays, "D/sd/", channels=19)
    seen, target = ours(arrays["input"]), ours(arrays["target"])
    weights = unet_weights(generator)
    trainable = [weight for weight in weights if weight.variable.trainable]
    with tf.GradientTape() as tape:
        output = generator(seen, training=True).image
        pair = tf.concat([seen[..., :3], output, seen[..., 3:]], -1)
        discriminated = evaluator(pair, training=True)
        adversarial = tf.reduce_mean(gan_real_loss(discriminated))
        loss = 100 * tf.reduce_mean(l1_loss(target, output)) + adversarial
    gradients = tape.gradient(loss, [weight.variable.value for weight in trainable])
    return {
        "arrays": arrays,
        "output": theirs(output),
        "d_output": theirs(discriminated),
        "loss": loss,
        "weights": weights,
        "gradients": {
            weight.name: weight.to_theirs(gradient.numpy())
            for weight, gradient in zip(trainable, gradients, strict=True)
        },
    }


@pytest.mark.parametrize("what", ["output", "d_output", "loss"])
def test_training_mode_draws_and_discriminates_alike(trained_once, what):
    close(trained_once[what], trained_once["arrays"][what])


def test_gradients_are_theirs(trained_once):
    expected = starting_with("gradG/", trained_once["arrays"])
    assert trained_once["gradients"].keys() == expected.keys()
    for name, gradient in trained_once["gradients"].items():
        np.testing.assert_allclose(
            gradient, expected[name], atol=TOLERANCE, rtol=TOLERANCE, err_msg=name
        )


def test_statistics_move_as_theirs(trained_once):
    """By a tenth a step, and the variance is the unbiased one."""
    expected = starting_with("G_after/", trained_once["arrays"])
    moved = {weight.name: weight.variable.numpy() for weight in trained_once["weights"]}
    assert expected.keys() == {name for name in moved if ".running_" in name}
    for name, values in expected.items():
        close(moved[name], values)


@pytest.fixture(scope="module")
def losses(golden):
    """Every term by our functions, totals by ``authors.yaml``, gradients by tape."""
    arrays = golden("losses")
    config = load_config("authors")
    terms = starting_with("in/", arrays)
    inputs = {
        name: tf.constant(ours(values) if values.ndim == 4 else values)
        for name, values in terms.items()
        if values.dtype == np.float32 and name not in ("real", "label_onehot")
    }
    label, real = tf.constant(terms["label_onehot"]), ours(terms["real"])
    mean = tf.reduce_mean
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        found = {
            "D_fake1": mean(gan_fake_loss(inputs["d_fake1"])),
            "D_fake2": mean(gan_fake_loss(inputs["d_fake2"])),
            "D_real": mean(gan_real_loss(inputs["d_real"])),
            "G_gan1": mean(gan_real_loss(inputs["g_fake1"])),
            "G_gan2": mean(gan_real_loss(inputs["g_fake2"])),
            "L1_coarse_x100": config.loss.l1 * mean(l1_loss(real, inputs["coarse"])),
            "L1_final_x100": config.loss.l1 * mean(l1_loss(real, inputs["final"])),
        }
        weights = active_loss_weights(config)
        found["D_total_official"] = config.loss.discriminator * (
            config.loss.real_pairs * found["D_real"]
            + weights["coarse_adversarial"] * found["D_fake1"]
            + weights["refined_adversarial"] * found["D_fake2"]
        )
        found["G_gan_sum"] = (
            weights["coarse_adversarial"] * found["G_gan1"]
            + weights["refined_adversarial"] * found["G_gan2"]
        )
        found["L1_sum_x100"] = found["L1_coarse_x100"] + found["L1_final_x100"]
        for name, loss in (
            ("C_official_double_softmax", double_softmax_loss),
            ("C_correct_from_logits", classification_loss),
        ):
            found[name] = weights["coarse_classification"] * mean(
                loss(inputs["logits1"], label)
            ) + weights["refined_classification"] * mean(loss(inputs["logits2"], label))
        rest = found["G_gan_sum"] + found["L1_sum_x100"]
        found["G_total_official"] = rest + found["C_official_double_softmax"]
        found["G_total_correct_ce"] = rest + found["C_correct_from_logits"]
    return arrays, inputs, found, tape


def test_every_loss_term_is_theirs(losses):
    arrays, _, found, _ = losses
    assert found.keys() == starting_with("loss/", arrays).keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, arrays[f"loss/{name}"], atol=TOLERANCE, err_msg=name)


def test_every_loss_gradient_is_theirs(losses):
    arrays, inputs, found, tape = losses
    for path, expected in starting_with("grad/", arrays).items():
        total, name = path.split("/")
        gradient = tape.gradient(found[total], inputs[name])
        close(theirs(gradient) if expected.ndim == 4 else gradient, expected)


def test_the_residue_is_theirs(golden):
    arrays = golden("losses")
    residue = arrays["in/label_onehot"] - tf.nn.softmax(arrays["in/logits1"])
    close(residue, arrays["residual_label"])
