import keras
import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import Config, override
from cargan_tf.models.cargan import Cascade, _added, concat_label_channels, new_cascade
from cargan_tf.training.losses import classification_loss

LABEL = tf.one_hot([0, 2], 3)
SOUND = tf.random.stateless_uniform([2, 64, 64, 1], [1, 2], -1, 1)
SEED = tf.constant([1, 2])


def built(config):
    keras.utils.set_random_seed(0)
    cascade = Cascade(config, 3, name="cascade")
    cascade(SOUND, LABEL)
    # Untrained, C's logits are in the hundreds; a trained C's softmax is not as hard as that.
    to_logits = cascade.classifier.to_logits.kernel
    to_logits.assign(to_logits.numpy() / np.abs(cascade(SOUND, LABEL).coarse_logits).max())
    return cascade


@pytest.fixture(scope="module")
def cascade(tiny_config):
    return built(tiny_config)


def test_only_g1_goes_without_skips():
    config = override(Config(), ["data.image_size=32", "model.coarse_dropped_skips=2"])
    cascade = Cascade(config, 2)
    assert [generator.dropped_skips for generator in cascade.generators] == [2, 0]


def test_label_planes_are_the_label_repeated_over_space():
    planes = concat_label_channels(SOUND, LABEL)
    assert planes.shape == (2, 64, 64, 4)
    np.testing.assert_array_equal(planes[..., :1], SOUND)
    for image, label in zip(planes, LABEL, strict=True):
        assert np.all(image[..., 1:] == label)


def test_the_residue_is_the_label_less_what_the_classifier_sees(cascade):
    stages = cascade(SOUND, LABEL)
    logits = cascade.classifier(stages.coarse)
    np.testing.assert_allclose(stages.coarse_logits, logits, rtol=1e-5)
    np.testing.assert_allclose(stages.residue, LABEL - tf.nn.softmax(logits), atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(stages.residue, 1), [0, 0], atol=1e-6)


def test_the_second_stage_sees_the_first_and_the_residue(cascade):
    stages = cascade(SOUND, LABEL)
    seen = concat_label_channels(stages.coarse, stages.residue)
    np.testing.assert_allclose(stages.refined, cascade.refined_generator(seen).image, atol=1e-5)


def test_the_second_stage_sees_the_sound_when_told_to(tiny_config):
    cascade = built(override(tiny_config, ["model.refine_sees_audio=true"]))
    stages = cascade(SOUND, LABEL)
    seen = concat_label_channels(tf.concat([stages.coarse, SOUND], -1), stages.residue)
    np.testing.assert_allclose(stages.refined, cascade.refined_generator(seen).image, atol=1e-5)


@pytest.fixture(scope="module")
def painting(tiny_config):
    """A cascade with photos of two players of each label: gray levels 102, 117, 132, ..."""
    cascade = built(override(tiny_config, ["model.players=2", "model.player_photo=true"]))
    photos = np.arange(102, 192, 15, dtype=np.uint8)[:, None, None, None]
    cascade.player_photos.assign(np.broadcast_to(photos, cascade.player_photos.shape))
    return cascade


def test_without_a_difference_the_image_is_the_photo_of_the_player(painting):
    before = [generator.to_rgb.get_weights() for generator in painting.generators]
    for generator, weights in zip(painting.generators, before, strict=True):
        generator.to_rgb.set_weights([np.zeros_like(values) for values in weights])
    label = tf.one_hot([0, 2, 2, 1], 3)
    sound = tf.repeat(SOUND[:1], 4, axis=0)
    stages = painting(sound, label, tf.constant([0, 1, 0, -1], tf.int64))
    for image in (stages.coarse, stages.refined):
        # The last player is not known: the mean of the label's two photos.
        levels = np.array([102, 177, 162, (132 + 147) / 2])
        np.testing.assert_allclose(image[:, 5, 5, 0], levels / 127.5 - 1, atol=1e-6)
    for generator, weights in zip(painting.generators, before, strict=True):
        generator.to_rgb.set_weights(weights)


def test_the_generators_see_the_photo_and_their_difference_is_added(painting):
    label = LABEL[1:]
    level = tf.constant(177.0) / 127.5 - 1  # of the label's second player
    photo = tf.fill([1, 64, 64, 3], level)
    seen = concat_label_channels(tf.concat([SOUND[1:], photo], -1), label)
    difference = painting.coarse_generator(concat_label_channels(seen, tf.one_hot([1], 2))).image
    coarse = painting(SOUND[1:], label, tf.constant([1], tf.int64)).coarse
    np.testing.assert_allclose(coarse, np.clip(photo + 2 * difference, -1, 1), atol=1e-5)


def test_a_pixel_beyond_the_range_is_clipped_and_can_come_back():
    generated = tf.constant([[[[0.9, -0.9, 0.1]]]])
    with tf.GradientTape() as tape:
        tape.watch(generated)
        image = _added(tf.fill([1, 1, 1, 3], 0.5), generated)
    np.testing.assert_allclose(image[0, 0, 0], [1.0, -1.0, 0.7], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(image, generated)[0, 0, 0], [2.0, 2.0, 2.0])


def test_the_photos_are_not_trained(painting):
    trained = {id(variable) for variable in painting.generator_variables}
    assert id(painting.player_photos) not in trained


def refined_classification(cascade, stages):
    return tf.reduce_mean(classification_loss(cascade.classifier(stages.refined), LABEL))


def coarse_gradient(cascade, through_image, through_residue):
    """How strongly the classification loss of I'' pulls at G1's weights by the open paths."""
    weights = [variable.value for variable in cascade.coarse_generator.trainable_variables]

    def path(tensor, is_open):
        return tensor if is_open else tf.stop_gradient(tensor)

    with tf.GradientTape() as tape:
        coarse = cascade.coarse_generator(concat_label_channels(SOUND, LABEL)).image
        residue = LABEL - tf.nn.softmax(cascade.classifier(coarse))
        seen = concat_label_channels(path(coarse, through_image), path(residue, through_residue))
        logits = cascade.classifier(cascade.refined_generator(seen).image)
        loss = tf.reduce_mean(classification_loss(logits, LABEL))
    gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
    return [gradient.numpy() for gradient in gradients]


def test_the_classification_loss_reaches_g1_through_the_residue_alone(cascade):
    gradients = coarse_gradient(cascade, through_image=False, through_residue=True)
    assert max(np.abs(gradient).max() for gradient in gradients) > 1e-9


def test_the_cascade_s_gradient_is_that_of_both_paths(cascade):
    weights = [variable.value for variable in cascade.coarse_generator.trainable_variables]
    with tf.GradientTape() as tape:
        loss = refined_classification(cascade, cascade(SOUND, LABEL))
    ours = tape.gradient(loss, weights)
    both = coarse_gradient(cascade, through_image=True, through_residue=True)
    image_only = coarse_gradient(cascade, through_image=True, through_residue=False)
    residue_only = coarse_gradient(cascade, through_image=False, through_residue=True)
    scale = max(np.abs(gradient).max() for gradient in both)
    for index, gradient in enumerate(ours):
        np.testing.assert_allclose(gradient, both[index], atol=1e-4 * scale)
        joined = image_only[index] + residue_only[index]
        np.testing.assert_allclose(gradient, joined, atol=1e-4 * scale)


def test_what_is_trained_is_g1_and_g2_and_nothing_of_c(cascade):
    ours = {id(variable) for variable in cascade.generator_variables}
    theirs = {id(variable) for variable in cascade.classifier.variables}
    assert not ours & theirs
    assert cascade.classifier.trainable_variables == []
    assert len(ours) == len(cascade.trainable_variables)


def test_c_stays_in_inference_mode_in_training(cascade):
    before = [variable.numpy() for variable in cascade.classifier.variables]
    cascade(SOUND, LABEL, seed=SEED, training=True)
    for left, right in zip(before, cascade.classifier.variables, strict=True):
        np.testing.assert_array_equal(left, right.numpy())


def test_both_stages_have_dropout_of_their_own(cascade):
    first = cascade(SOUND, LABEL, seed=SEED, training=True)
    again = cascade(SOUND, LABEL, seed=SEED, training=True)
    other = cascade(SOUND, LABEL, seed=SEED + 1, training=True)
    np.testing.assert_array_equal(first.refined, again.refined)
    assert np.any(first.coarse != other.coarse)
    assert np.any(first.refined != other.refined)


def small(config, *texts):
    return new_cascade(override(config, ["data.image_size=32", *texts]), 3)


SMALL_SOUND = tf.random.stateless_uniform([2, 32, 32, 1], [3, 4], -1, 1)


def test_with_one_stage_the_coarse_image_is_the_image(tiny_config):
    cascade = small(tiny_config, "model.stages=1")
    stages = cascade(SMALL_SOUND, LABEL)
    assert stages.refined is stages.coarse
    assert cascade.generators == [cascade.coarse_generator]
    own = cascade.coarse_generator.trainable_variables
    assert [id(v) for v in cascade.generator_variables] == [id(v) for v in own]


def test_without_the_residue_module_g2_sees_the_coarse_image_alone(tiny_config):
    cascade = small(tiny_config, "model.residue=false")
    stages = cascade(SMALL_SOUND, LABEL)
    refined = cascade.refined_generator(stages.coarse).image
    np.testing.assert_allclose(stages.refined, refined, atol=1e-5)


def test_the_authors_second_stage_sees_image_sound_and_residue_in_this_order(tiny_config):
    texts = ["model.spectrogram=jet", "audio.log_mel_scale=clip", "model.refine_sees_audio=true"]
    cascade = small(tiny_config, *texts)
    sound = tf.random.stateless_uniform([2, 32, 32, 3], [5, 6], -1, 1)
    stages = cascade(sound, LABEL)
    seen = concat_label_channels(tf.concat([stages.coarse, sound], -1), stages.residue)
    assert seen.shape[-1] == 3 + 3 + 3
    np.testing.assert_allclose(stages.refined, cascade.refined_generator(seen).image, atol=1e-5)
