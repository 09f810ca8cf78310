"""Networks of all kinds, weights by chance, compute the same in TensorFlow and ONNX Runtime."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import override
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata
from cargan_tf.export.onnx_conversion import write_models
from cargan_tf.export.onnx_model import OnnxModel
from cargan_tf.export.serving_module import ServingModule
from cargan_tf.models import attention
from cargan_tf.models.registry import new_network
from cargan_tf.models.sound_classifier import new_sound_classifier

LABELS = ("cello", "flute", "violin")
#: Of the cascade, where what is after the first stage is not looked at.
HALF = ("model.stages=1",)
JET = ("model.spectrogram=jet", "audio.log_mel_scale=clip")


@pytest.fixture
def both(tmp_path):
    """``both(config)``: a fresh model as its serving module and as ONNX files, and the folder."""

    def make(config, storage="float32", sound_classifier=False, photos=None, **facts):
        # Wide enough for images of many colors, narrow enough that round-off is not enlarged, as it
        # is where fresh batch norm lets activations grow from layer to layer.
        config = override(config, ["model.init_stddev=0.1"])
        keras.utils.set_random_seed(0)
        bands = np.linspace(-60, -20, config.audio.n_mels)
        metadata = ModelMetadata(
            config=config,
            labels=LABELS,
            statistics=BandStatistics(tuple(bands), (12.0,) * len(bands)),
            step=0,
            data_hash="0" * 64,
            recognition_accuracy=0.5 if sound_classifier else None,
            recognition_temperature=0.7 if sound_classifier else None,
            weights=storage,
        )
        metadata = dataclasses.replace(metadata, **facts)
        network = new_network(config, len(LABELS))
        if photos is not None:
            network.player_photos.assign(photos)
        sounds = new_sound_classifier(config, len(LABELS)) if sound_classifier else None
        write_models(tmp_path, network, sounds, metadata, storage)
        (tmp_path / METADATA_FILE).write_text(json.dumps(metadata.to_json()), "utf-8")
        model = ServingModule(network, metadata, sounds)
        return model, OnnxModel(tmp_path, metadata), tmp_path

    return make


def sounds_of(config, count):
    random = np.random.default_rng(0)
    times = np.arange(config.audio.clip_samples) / config.audio.sample_rate
    tones = [np.sin(2 * np.pi * 220 * (1 + index) * times) for index in range(count)]
    noise = random.normal(0, 0.01, (count, len(times)))
    return (0.3 * np.stack(tones) + noise).astype(np.float32)


def weights_of(count):
    weights = np.random.default_rng(1).random((count, len(LABELS)))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def assert_equal(expected, found):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        value = value.numpy()
        assert found[name].shape == value.shape
        assert found[name].dtype == value.dtype
        if value.dtype == np.uint8:
            difference = np.abs(found[name].astype(int) - value.astype(int))
            assert difference.max() <= 1
            assert difference.mean() < 0.01
            assert value.std() > 0.5  # several levels of 255
        else:
            np.testing.assert_allclose(found[name], value, atol=2e-3)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("data.image_size=128", "model.max_width_multiplier=4"),
        JET,
        ("model.attention=authors", "model.encoder_bias=true"),
        ("model.attention=none", "model.residue=false", "model.refine_sees_audio=false"),
        HALF,
        (*HALF, "classifier.resnet_variant=torchvision", "classifier.preprocessing=torch"),
        ("model.coarse_dropped_skips=2", "audio.n_mels=64"),
    ],
)
def test_a_cascade_is_equal(both, tiny_config, overrides):
    model, onnx, _ = both(override(tiny_config, overrides))
    sounds, weights = sounds_of(tiny_config, 3), weights_of(3)
    expected = model.generate_soft_labels(sounds, weights)
    assert "residue" in expected
    assert_equal(expected, onnx.generate_soft_labels(sounds, weights))


def test_players_are_chosen_alike(both, tiny_config):
    config = override(tiny_config, ["model.players=3"])
    model, onnx, _ = both(config, players=dict.fromkeys(LABELS, ("a", "b", "c")))
    sounds, weights = sounds_of(config, 3), weights_of(3)
    players = np.array([0, 2, 1])
    expected = model.generate_soft_labels(sounds, weights, players)
    assert_equal(expected, onnx.generate_soft_labels(sounds, weights, players))
    others = model.generate_soft_labels(sounds, weights, np.array([1, 2, 0]))
    moved = np.abs(others["image"].numpy().astype(int) - expected["image"]).max(axis=(1, 2, 3))
    assert moved[1] == 0 < min(moved[0], moved[2])


@pytest.mark.parametrize("warped", ["false", "true"])
def test_photos_and_pose_are_equal_and_photos_stay_bytes(both, tiny_config, warped):
    import onnx as onnx_package

    texts = ["model.players=2", "model.player_photo=true", "model.pose=true", *HALF]
    config = override(tiny_config, [*texts, f"model.warp={warped}"])
    photos = np.random.default_rng(2).integers(0, 256, (6, 64, 64, 3), np.uint8)
    players = dict.fromkeys(LABELS, ("a", "b"))
    model, onnx, folder = both(config, storage="float16", photos=photos, players=players)
    sounds, chosen = sounds_of(config, 3), np.array([0, 1, 1])
    expected = model.generate_soft_labels(sounds, weights_of(3), chosen)
    assert_equal(expected, onnx.generate_soft_labels(sounds, weights_of(3), chosen))
    graph = onnx_package.load(str(folder / "model.onnx")).graph
    stored = [one for one in graph.initializer if list(one.dims) == [6, 64, 64, 3]]
    (array,) = map(onnx_package.numpy_helper.to_array, stored)
    np.testing.assert_array_equal(array, photos)


@pytest.mark.parametrize("kind", ["s2ic", "cmcgan"])
def test_a_baseline_is_equal(both, baseline_config, kind):
    config = baseline_config(kind)
    model, onnx, _ = both(config)
    sounds, weights = sounds_of(config, 3), weights_of(3)
    assert_equal(
        model.generate_soft_labels(sounds, weights), onnx.generate_soft_labels(sounds, weights)
    )


def test_attention_in_blocks_is_equal(both, tiny_config, monkeypatch):
    """As of large maps: at 64 pixels the map has 1024 · 256 weights."""
    monkeypatch.setattr(attention, "WHOLE_MAP_LIMIT", 2**16)
    model, onnx, _ = both(tiny_config)
    sounds, weights = sounds_of(tiny_config, 2), weights_of(2)
    assert_equal(
        model.generate_soft_labels(sounds, weights), onnx.generate_soft_labels(sounds, weights)
    )


def test_any_batch_size_is_equal(both, tiny_config):
    model, onnx, _ = both(tiny_config, sound_classifier=True)
    for batch in (1, 3, 16):
        sounds, weights = sounds_of(tiny_config, batch), weights_of(batch)
        assert_equal(
            model.generate_soft_labels(sounds, weights), onnx.generate_soft_labels(sounds, weights)
        )
        expected, found = model.recognize(sounds), onnx.recognize(sounds)
        assert_equal(expected, found)
        assert expected["label_probabilities"].numpy().std() > 0
        np.testing.assert_allclose(
            found["label_probabilities"].sum(axis=1) + found["none_probability"], 1, atol=1e-5
        )


@pytest.mark.parametrize("overrides", [JET, ("audio.sample_rate=22050", "audio.n_fft=512")])
def test_recognition_is_equal(both, tiny_config, overrides):
    config = override(tiny_config, overrides)
    model, onnx, _ = both(override(config, HALF), sound_classifier=True)
    sounds = sounds_of(config, 2)
    assert_equal(model.recognize(sounds), onnx.recognize(sounds))


def test_float16_kernels_reach_the_file_as_they_are_stored(both, tiny_config):
    """So the images equal those of a SavedModel of the same kernels; the file is a good half."""
    config = override(tiny_config, ["model.generator_width=8"])
    model, onnx, folder = both(config, storage="float16")
    sounds, weights = sounds_of(config, 3), weights_of(3)
    assert_equal(
        model.generate_soft_labels(sounds, weights), onnx.generate_soft_labels(sounds, weights)
    )
    halved = (folder / "model.onnx").stat().st_size
    _, _, folder = both(config, storage="float32")
    assert halved < 0.65 * (folder / "model.onnx").stat().st_size


def test_other_programs_find_what_they_need_in_the_file(both, tiny_config):
    import onnx as onnx_package

    _, _, folder = both(tiny_config, sound_classifier=True, license="CC-BY-4.0")
    for name, inputs in (
        ("model.onnx", ["waveform", "label_weights"]),
        ("sound_classifier.onnx", ["waveform"]),
    ):
        model = onnx_package.load(folder / name)
        onnx_package.checker.check_model(model, full_check=True)
        assert [value.name for value in model.graph.input] == inputs
        properties = {entry.key: entry.value for entry in model.metadata_props}
        assert json.loads(properties["labels"]) == list(LABELS)
        assert (properties["sample_rate"], properties["clip_samples"]) == ("8000", "4000")
        assert properties["license"] == "CC-BY-4.0"
        whole = json.loads(properties["cargan"])
        assert whole["config"]["audio"]["n_fft"] == 256
        assert {opset.domain for opset in model.opset_import} == {""}
