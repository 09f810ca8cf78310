import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.data.pipeline import evaluation_batches
from cargan_tf.serving.export import picture_model_of_run
from cargan_tf.serving.picture_model import ModelCard, to_pixels
from cargan_tf.training.run import Run


@pytest.fixture(scope="module")
def model(tiny_run):
    return picture_model_of_run(Run(tiny_run))[0]


def draw(model, waveforms, labels):
    return model.draw(tf.constant(waveforms), tf.constant(labels))["image"].numpy().astype(int)


def test_draws_what_the_networks_draw_from_preprocessed_sound(model, trained, sounds):
    """In-graph spectrogram and all: as from the shards, whose spectrograms librosa made."""
    (batch,) = evaluation_batches(trained.dataset, trained.data, trained.config, "test", 12)
    names = [name.decode() for name in batch["id"].numpy()]
    rows = [names.index(f"{label}/{label}_1_test/0") for label in sounds[1]]
    stages = trained.cascade(
        tf.gather(batch["spectrogram"], rows), tf.gather(batch["label"], rows), training=False
    )
    np.testing.assert_allclose(
        draw(model, *sounds), to_pixels(stages.refined).numpy().astype(int), atol=1
    )


def test_a_short_sound_is_followed_by_silence(model, sounds):
    waveforms, labels = sounds
    short = waveforms[:, :2500]
    padded = np.pad(short, [(0, 0), (0, 1500)])
    np.testing.assert_array_equal(draw(model, short, labels), draw(model, padded, labels))


def test_of_a_long_sound_the_first_half_second_counts(model, sounds):
    waveforms, labels = sounds
    long = np.concatenate([waveforms, -waveforms, waveforms], 1)
    np.testing.assert_array_equal(draw(model, long, labels), draw(model, waveforms, labels))


def test_no_samples_are_silence(model):
    nothing, silence = np.zeros((1, 0), np.float32), np.zeros((1, 4000), np.float32)
    np.testing.assert_array_equal(draw(model, nothing, ["cello"]), draw(model, silence, ["cello"]))


def test_a_picture_does_not_depend_on_its_batch(model, sounds):
    waveforms, labels = sounds
    together = draw(model, waveforms, labels)
    for index in range(3):
        alone = draw(model, waveforms[index : index + 1], labels[index : index + 1])
        np.testing.assert_allclose(alone[0], together[index], atol=1)


def test_the_label_counts(model, sounds):
    waveforms, _ = sounds
    one, other = draw(model, waveforms[[0, 0]], ["cello", "violin"])
    assert np.abs(one - other).max() > 5


def test_the_sound_counts(model, sounds):
    waveforms, _ = sounds
    one, other = draw(model, waveforms[:2], ["cello", "cello"])
    assert np.abs(one - other).max() > 1


@pytest.mark.parametrize("label", ["kazoo", "", "Cello", "vn"])
def test_an_unknown_label_names_the_known(model, sounds, label):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        draw(model, sounds[0][:2], ["cello", label])
    assert "cello, flute, violin" in str(caught.value)
    assert f'"{label}"' in str(caught.value) or label in str(caught.value)


def test_pixels_are_rounded_and_kept_in_range():
    pixels = to_pixels(tf.constant([-1.5, -1.0, -0.999, 0.0, 0.998, 1.0, 1.5]))
    assert pixels.dtype == tf.uint8
    assert pixels.numpy().tolist() == [0, 0, 0, 128, 255, 255, 255]


def test_a_card_comes_back_from_json(trained):
    card = ModelCard(trained.config, trained.dataset.labels, trained.dataset.statistics, 6, "0a1b")
    assert ModelCard.from_json(card.to_json(), "here") == card
