import json
import shutil

import numpy as np
import pytest

from cargan_tf.data.dataset import DATASET_FILE
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.errors import UserError
from cargan_tf.evaluation.generation import SplitGenerator
from cargan_tf.training.run import Run
from cargan_tf.training.validation import class_mean_photos, gather, names_of


@pytest.fixture(scope="module")
def generator(tiny_run, tiny_data):
    return SplitGenerator(Run(tiny_run), tiny_data)


@pytest.fixture(scope="module")
def generated(generator):
    return generator.generate("test", 12, seed=0)


@pytest.fixture
def run(tiny_run, tmp_path):
    return Run(shutil.copytree(tiny_run, tmp_path / "run"))


def test_every_pair_stands_with_what_is_drawn_from_it(generated, trained, generator):
    pairs = gather(evaluation_batches(trained.dataset, trained.data, trained.config, "test", 12))
    assert generated.keys == names_of(pairs["id"])
    assert generated.recordings == names_of(pairs["recording"])
    assert generated.players == names_of(pairs["player"])
    assert generated.labels == ("cello", "flute", "violin")
    np.testing.assert_array_equal(generated.photos, pairs["photo"])
    np.testing.assert_array_equal(generated.classes, pairs["label"].argmax(1))
    stages = trained.cascade(pairs["spectrogram"], pairs["label"], training=False)
    np.testing.assert_allclose(generated.coarse, stages.coarse, atol=1e-4)
    np.testing.assert_allclose(generated.refined, stages.refined, atol=1e-4)
    assert generator.step == 6


def test_other_sounds_and_other_labels_draw_other_images(generated):
    for moved in (generated.other_sound, generated.other_label):
        assert moved.shape == generated.refined.shape
        assert np.abs(moved - generated.refined).mean() > 1e-4


def test_still_photos_are_of_the_training_split(generated, trained):
    pairs = gather(evaluation_batches(trained.dataset, trained.data, trained.config, "train", 8))
    batches = evaluation_batches(trained.dataset, trained.data, trained.config, "train", 8)
    means = class_mean_photos(batches)[generated.classes]
    np.testing.assert_allclose(generated.stills["class mean"].images, means, atol=1e-6)
    names = np.asarray(names_of(pairs["player"]))
    for index, (label, player) in enumerate(zip(generated.classes, generated.players, strict=True)):
        of_class = pairs["label"].argmax(1) == label
        for row, members in (("class", of_class), ("player", of_class & (names == player))):
            median = np.median(pairs["photo"][members], axis=0)
            found = generated.stills[f"{row} median"].images[index]
            np.testing.assert_allclose(found, median, atol=1e-5)
    assert list(generated.stills)[2:] == ["player mean", "player median"]
    assert generated.missing_stills == {}


def test_clips_without_music_are_flagged_as_the_run_s_thresholds_say(run, tiny_data):
    values = json.loads(run.info_file.read_text("utf-8"))
    values["config"]["audio"]["silence_rms_db"] = -13.2  # between the players' loudnesses
    run.info_file.write_text(json.dumps(values), "utf-8")
    generated = SplitGenerator(run, tiny_data).generate("test", 6, seed=0)
    assert 0 < generated.silent.sum() < 6
    assert not (generated.silent & generated.noise_like).any()


def test_a_bounded_choice_is_even_and_the_seed_s(generator):
    few = [generator.generate("train", 6, seed=seed) for seed in (0, 0, 1)]
    assert [np.bincount(one.classes).tolist() for one in few] == [[2, 2, 2]] * 3
    assert few[0].keys == few[1].keys != few[2].keys


def test_sounds_are_scaled_as_in_the_run_s_training(run, tiny_data, generated):
    """Other data of the same labels has statistics of its own, which the networks never heard."""
    data = shutil.copytree(tiny_data, run.path.parent / "data")
    file = data / DATASET_FILE
    values = json.loads(file.read_text("utf-8"))
    values["statistics"]["mean"] = [0.0] * 16
    file.write_text(json.dumps(values), "utf-8")
    again = SplitGenerator(run, data).generate("test", 12, seed=0)
    np.testing.assert_array_equal(again.spectrograms, generated.spectrograms)
    for name, row in again.stills.items():
        np.testing.assert_allclose(row.images, generated.stills[name].images, atol=1e-6)


def test_data_of_other_labels_is_refused(run, tiny_data):
    data = shutil.copytree(tiny_data, run.path.parent / "data")
    file = data / DATASET_FILE
    file.write_text(file.read_text("utf-8").replace('"violin"', '"tuba"'), "utf-8")
    with pytest.raises(UserError, match=r"cello, flute, violin; the data set .* has cello, flute"):
        SplitGenerator(run, data)


def test_a_split_that_is_not_there_is_named(generator):
    with pytest.raises(UserError, match="no pair in split 'dev'"):
        generator.generate("dev", 12, seed=0)


def test_a_run_without_a_checkpoint_is_named(run, tiny_data):
    shutil.rmtree(run.checkpoints)
    with pytest.raises(UserError, match="no checkpoint yet"):
        SplitGenerator(run, tiny_data)
