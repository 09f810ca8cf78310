import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cargan_tf.audio.log_mel import log_mel
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.saved_model import serving_module_of_run
from cargan_tf.export.serving_module import ServingModule, to_pixels
from cargan_tf.models.registry import new_network
from cargan_tf.models.sound_classifier import sound_classifier_audio
from cargan_tf.training.classifiers.train_sound_classifier import load_sound_classifier
from cargan_tf.training.run import Run


@pytest.fixture(scope="module")
def model(tiny_run):
    return serving_module_of_run(Run(tiny_run))[0]


def draw(model, waveforms, labels):
    return model.serve(tf.constant(waveforms), tf.constant(labels))["image"].numpy().astype(int)


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


def test_a_waveform_without_samples_is_refused(model):
    with pytest.raises(tf.errors.InvalidArgumentError, match="a waveform without samples"):
        draw(model, np.zeros((1, 0), np.float32), ["cello"])


@pytest.mark.parametrize("scale", [2**15, 2**23, 255])
def test_samples_in_the_range_of_integers_are_refused(model, sounds, scale):
    waveforms, labels = sounds
    loudest = np.abs(waveforms).max() * np.float32(scale)
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        draw(model, waveforms * np.float32(scale), labels)
    said = str(caught.value).partition("samples up to ")[2]
    assert float(said.partition(";")[0]) == pytest.approx(loudest, rel=1e-4)
    assert "expected full scale at ±1: divide 16-bit samples by 32768" in said


def test_a_sound_somewhat_over_full_scale_is_drawn(model, sounds):
    waveforms, labels = sounds
    assert draw(model, 4 * waveforms / np.abs(waveforms).max(), labels).shape[0] == len(labels)


def test_an_image_does_not_depend_on_its_batch(model, sounds):
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


def test_an_unknown_label_names_the_known(model, sounds):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        draw(model, sounds[0][:2], ["cello", "kazoo"])
    assert "unknown label: kazoo. Known labels: cello, flute, violin." in str(caught.value)


def test_a_label_may_be_a_name_in_common_use(model, sounds):
    waveform = sounds[0][:1]
    for name, label in (("vn", "violin"), ("Flöte", "flute"), ("Violine", "violin")):
        np.testing.assert_array_equal(draw(model, waveform, [name]), draw(model, waveform, [label]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(model, sounds, value):
    waveforms = sounds[0].copy()
    waveforms[1, 7] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match="NaN or infinite samples"):
        draw(model, waveforms, sounds[1])


@pytest.mark.parametrize(("sounds_sent", "labels_sent"), [(2, 3), (3, 2), (0, 0)])
def test_as_many_labels_as_sounds_are_expected(model, sounds, sounds_sent, labels_sent):
    waveforms, labels = sounds
    said = f"received {sounds_sent} sounds and {labels_sent} labels"
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        draw(model, waveforms[:sounds_sent], labels[:labels_sent])


def test_what_is_served_beside_the_image(model, sounds, trained):
    waveforms, labels = (tf.constant(part) for part in sounds)
    served = {name: value.numpy() for name, value in model.serve(waveforms, labels).items()}
    np.testing.assert_array_equal(served["image"], draw(model, *sounds))
    for png, image in zip(served["png_bytes"], served["image"], strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), image)
    refined = model.stages(waveforms, labels).refined
    classified = tf.nn.softmax(trained.cascade.classifier(refined, training=False))
    np.testing.assert_allclose(served["label_scores"], classified, atol=1e-5)


def test_a_wav_file_is_drawn_as_its_samples(model, sounds):
    waveforms, labels = sounds
    waveforms = np.round(waveforms * 2**15) / np.float32(2**15)  # 16 bits
    wavs = [tf.audio.encode_wav(samples[:, None], 8_000).numpy() for samples in waveforms]
    generated = model.serve_wav(tf.constant(wavs), tf.constant(labels))["image"].numpy().astype(int)
    np.testing.assert_allclose(generated, draw(model, waveforms, labels), atol=1)


def test_both_stages_and_the_residue(model, sounds, trained):
    waveforms, labels = (tf.constant(part) for part in sounds)
    generated = {
        name: value.numpy() for name, value in model.generate_stages(waveforms, labels).items()
    }
    stages = model.stages(waveforms, labels)
    np.testing.assert_array_equal(generated["coarse"], to_pixels(stages.coarse))
    np.testing.assert_array_equal(generated["refined"], to_pixels(stages.refined))
    seen = tf.nn.softmax(trained.cascade.classifier(stages.coarse, training=False)).numpy()
    positions = [trained.dataset.labels.index(label) for label in sounds[1]]
    np.testing.assert_allclose(generated["residue"], np.eye(3)[positions] - seen, atol=1e-5)


def test_the_card_can_be_asked_for(model):
    (labels,) = model.describe(tf.constant(["labels"]))["json"].numpy()
    assert json.loads(labels) == ["cello", "flute", "violin"]


def soft_labels(model, waveforms, weights):
    made = model.generate_soft_labels(tf.constant(waveforms), tf.constant(weights, tf.float32))
    return {name: value.numpy() for name, value in made.items()}


def test_the_whole_weight_is_the_label(model, sounds):
    made = soft_labels(model, sounds[0], np.eye(3))
    np.testing.assert_allclose(made["image"].astype(int), draw(model, *sounds), atol=1)


def test_what_leads_to_the_image_comes_with_it(model, sounds):
    waveforms, labels = sounds
    made = soft_labels(model, waveforms, np.eye(3))
    stages = model.stages(tf.constant(waveforms), tf.constant(labels))
    np.testing.assert_allclose(made["residue"], stages.residue, atol=1e-5)
    coarse = to_pixels(stages.coarse).numpy().astype(int)
    np.testing.assert_allclose(made["coarse"].astype(int), coarse, atol=1)
    np.testing.assert_allclose(made["spectrogram"], model.spectrogram(waveforms), atol=1e-5)


def test_weights_of_two_labels_draw_neither(model, sounds):
    made = soft_labels(model, sounds[0][[0] * 3], [[1, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])
    first, between, last = made["image"].astype(int)
    assert np.abs(between - first).max() > 1
    assert np.abs(between - last).max() > 1
    np.testing.assert_allclose(made["residue"].sum(1), 0, atol=1e-5)


@pytest.mark.parametrize("fraction", [-0.1, np.nan, np.inf])
def test_weights_that_are_none_are_refused(model, sounds, fraction):
    with pytest.raises(tf.errors.InvalidArgumentError, match="NaN, infinite or negative"):
        soft_labels(model, sounds[0][:1], [[1, fraction, 0]])


def test_instruments_are_recognized_as_the_sound_classifier_does(model, sounds, tiny_run):
    info = Run(tiny_run).read_info()
    folder = Run(tiny_run).sound_classifier
    network, report = load_sound_classifier(folder, info.config, info.labels)
    samples = info.config.audio.clip_samples
    logits = network(log_mel(sounds[0][:, :samples], sound_classifier_audio(info.config)))
    expected = tf.nn.softmax(logits / report.temperature)
    served = model.recognize(tf.constant(sounds[0]))
    np.testing.assert_allclose(served["label_probabilities"], expected[:, :-1], atol=1e-4)
    np.testing.assert_allclose(served["none_probability"], expected[:, -1], atol=1e-4)


def test_without_a_sound_classifier_nothing_is_recognized(tiny_run, tmp_path):
    ignored = shutil.ignore_patterns("sound_classifier")
    shutil.copytree(tiny_run, tmp_path / "run", ignore=ignored)
    model, metadata = serving_module_of_run(Run(tmp_path / "run"))
    assert not hasattr(model, "recognize")
    assert metadata.recognition_accuracy is None


def test_pixels_are_rounded_and_kept_in_range():
    pixels = to_pixels(tf.constant([-1.5, -1.0, -0.999, 0.0, 0.998, 1.0, 1.5]))
    assert pixels.dtype == tf.uint8
    assert pixels.numpy().tolist() == [0, 0, 0, 128, 255, 255, 255]


def test_a_network_without_c_is_served_without_its_scores(baseline_config, trained, sounds):
    config = baseline_config("s2ic")
    metadata = ModelMetadata(config, trained.dataset.labels, trained.dataset.statistics, 6, "0a1b")
    model = ServingModule(new_network(config, 3), metadata)
    assert set(model.signatures) == {"serving_default", "serving_wav", "soft_labels", "metadata"}
    served = model.serve(*(tf.constant(part) for part in sounds))
    assert set(served) == {"image", "png_bytes"}
