"""Wide images from photos to an exported model."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.errors import UserError
from cargan_tf.evaluation.evaluate import evaluate_run
from cargan_tf.evaluation.html.report_page import write_html
from cargan_tf.export.saved_model import export_model
from cargan_tf.inference.generator import Generator
from cargan_tf.models.patchgan import new_discriminator
from cargan_tf.models.unet import UNet
from cargan_tf.training.classifiers.train_classifier import train_classifier
from cargan_tf.training.classifiers.train_sound_classifier import train_sound_classifier
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

#: Halved five times it is odd on the way: 48, 24, 12, 6, 3.
SHAPE = (48, 80)


@pytest.fixture(scope="module")
def wide_config(tiny_config):
    return override(
        tiny_config,
        [
            *("data.image_size=48x80", "data.image_fit=letterbox", "training.steps=3"),
            "training.discriminator_augmentation=[color, translation, cutout]",
        ],
    )


@pytest.fixture(scope="module")
def wide_data(tiny_source, wide_config, tmp_path_factory):
    data = tmp_path_factory.mktemp("wide") / "data"
    preprocess(tiny_source, data, wide_config, workers=1)
    train_classifier(data, wide_config)
    train_sound_classifier(data, wide_config)
    return data


@pytest.fixture(scope="module")
def wide_run(wide_data, wide_config, tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("wide_run") / "run")
    Trainer(run, wide_data, wide_config, make_strategy()).train()
    return run


def test_what_is_trained_is_exported_generates_and_is_measured(wide_run, wide_data, tmp_path):
    version = export_model(wide_run, tmp_path / "wide")
    tone = 0.3 * np.sin(np.arange(4_000) / 3)
    images = [
        Generator.load(model).generate(tone, 8_000, "violin") for model in (version, wide_run.path)
    ]
    assert images[0].shape == (*SHAPE, 3)
    assert np.abs(images[0].astype(int) - images[1]).max() <= 1
    metrics = ["l1", "ssim", "retrieval_1", "classifier_accuracy"]
    report, generated = evaluate_run(wide_run, splits=["test"], metrics=metrics)
    assert report.split("test").row("refined").values.keys() == set(metrics)
    write_html(report, generated, wide_run, tmp_path / "report.html")
    grid = Image.open(sorted(wide_run.images.iterdir())[0])
    assert grid.width > grid.height


def test_photos_keep_their_shape_between_bars(wide_data, wide_config):
    from cargan_tf.data.input_pipeline import evaluation_batches

    dataset = load_dataset(wide_data)
    (batch, *_) = evaluation_batches(dataset, wide_data, wide_config, "test", 4)
    assert batch["photo"].shape == (4, *SHAPE, 3)
    assert batch["spectrogram"].shape == (4, *SHAPE, 1)
    columns = (batch["photo"].numpy() > -0.9).any(axis=(0, 1, 3))
    assert np.flatnonzero(columns).tolist() == list(range(16, 64)), "48 of 80 columns"


@pytest.mark.parametrize("text", ["data.image_size=64", "data.image_fit=crop"])
def test_data_of_another_shape_or_fit_is_refused(wide_data, wide_config, text):
    from cargan_tf.data.dataset import check_fits

    with pytest.raises(UserError, match=text.partition("=")[0]):
        check_fits(load_dataset(wide_data), override(wide_config, [text]))


@pytest.mark.parametrize("shape", [(144, 256), (64, 96), (256, 144), (48, 80)])
def test_networks_give_the_shape_they_are_given(tiny_config, shape):
    config = override(tiny_config, [f"data.image_size={list(shape)}"])
    network = UNet(shape, config.model)
    assert network(tf.zeros([1, *shape, 4])).image.shape == (1, *shape, 3)
    assert len(network.down) == min(shape).bit_length() - 1
    height, width = (side // 8 - 2 for side in shape)
    channels = config.model.spectrogram_channels + 3
    logits = new_discriminator(config, 3)(tf.zeros([1, *shape, channels]))
    assert logits.shape == (1, height, width, 1)
