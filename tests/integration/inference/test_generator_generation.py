import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from helpers.tones import RATE, distance, tone

from cargan_tf.errors import UserError
from cargan_tf.inference.generator import BATCH_SIZE, Generator


def test_a_run_and_its_export_draw_the_same(generator, tiny_run, tiny_source):
    """To ±1 of 255: two compilations of one graph may round differently."""
    of_run = Generator.load(tiny_run)
    for label in generator.labels:
        for file in sorted(tiny_source.glob(f"{label}_*_test_*.wav")):
            waveform, rate = soundfile.read(file)
            ours = of_run.generate(waveform, rate, label)
            assert distance(ours, generator.generate(waveform, rate, label)) <= 1


def test_it_knows_what_it_was_trained_on(generator):
    assert generator.labels == ("cello", "flute", "violin")
    assert (generator.sample_rate, generator.clip_seconds) == (8_000, 0.5)


def test_the_package_offers_it():
    import cargan_tf

    assert cargan_tf.Generator is Generator


def test_a_version_is_loaded_as_well_as_their_folder(generator, tiny_model):
    version = Generator.load(str(tiny_model / "1"))
    ours, theirs = (each.generate(tone(), RATE, "cello") for each in (generator, version))
    np.testing.assert_array_equal(ours, theirs)


def test_the_highest_version_is_taken(tiny_model, tmp_path):
    for name in ("2", "10"):
        shutil.copytree(tiny_model / "1", tmp_path / name)
    (tmp_path / "2" / "model.json").unlink()  # loading version 2 would fail
    assert Generator.load(tmp_path).labels == ("cello", "flute", "violin")


@pytest.mark.parametrize("name", ["none", "empty", "file"])
def test_where_no_model_is_it_says_what_was_expected(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"no model at .*{name}: expected"):
        Generator.load(tmp_path / name)


@pytest.mark.parametrize(
    "file",
    ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"],
)
def test_a_damaged_model_is_named(tiny_model, tmp_path, file):
    shutil.copytree(tiny_model / "1", tmp_path / "1")
    (tmp_path / "1" / file).write_bytes(b"not a model")
    with pytest.raises(UserError, match=rf"the model at {tmp_path}/1 is damaged"):
        Generator.load(tmp_path, "tensorflow")


def test_an_image_is_eight_bit_rgb(generator):
    image = generator.generate(tone(), RATE, "violin")
    assert (image.shape, image.dtype) == ((64, 64, 3), np.uint8)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000])
def test_any_rate_draws_nearly_the_same(generator, rate):
    at_its_own = generator.generate(tone(seconds=1), RATE, "violin", start=0.2)
    converted = generator.generate(tone(seconds=1, rate=rate), rate, "violin", start=0.2)
    assert np.abs(converted.astype(int) - at_its_own).mean() < 4


@pytest.mark.parametrize(
    "convert",
    [
        lambda samples: samples.astype(np.float32),
        lambda samples: np.stack([samples, samples], axis=1),
        lambda samples: (samples * 2**15).round().astype(np.int16),
        lambda samples: (samples * 2**31).round().astype(np.int32),
    ],
    ids=["float32", "stereo", "int16", "int32"],
)
def test_any_kind_of_samples_draws_the_same(generator, convert):
    expected = generator.generate(tone(), RATE, "flute")
    # 16 bits leave a noise floor of their own in bands that were empty.
    limit = 12 if "int16" in str(convert(tone()).dtype) else 1
    assert distance(generator.generate(convert(tone()), RATE, "flute"), expected) <= limit


@pytest.mark.parametrize("start", [0.5, 7.0, -0.1])
def test_a_start_outside_the_sound_is_refused(generator, start):
    with pytest.raises(UserError, match="give a start from 0 to before the end"):
        generator.generate(tone(), RATE, "violin", start=start)


@pytest.mark.parametrize("start", [float("nan"), float("inf")])
def test_a_start_that_is_no_number_is_refused(generator, start):
    with pytest.raises(UserError, match="start"):
        generator.generate(tone(), RATE, "violin", start=start)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(generator, value):
    samples = tone()
    samples[100] = value
    with pytest.raises(UserError, match="NaN or infinite sample"):
        generator.generate(samples, RATE, "violin")


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (np.zeros(0), "holds no samples"),
        (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\)"),
        (np.zeros(10, bool), "bool"),
    ],
)
def test_what_is_no_waveform_is_refused(generator, samples, said):
    with pytest.raises(UserError, match=said):
        generator.generate(samples, RATE, "violin")


def test_more_clips_than_a_batch(generator):
    clips = [generator.clip(tone(frequency=200 + 9 * n), RATE) for n in range(BATCH_SIZE + 2)]
    generated = generator.generate_clips(clips, ["cello"] * len(clips))
    assert len(generated) == len(clips)
    assert (
        distance(generated[-1].image, generator.generate_clips(clips[-1:], ["cello"])[0].image) <= 1
    )


def test_a_model_is_read_by_tensorflows_file_systems(generator, tiny_model, tiny_source):
    position = "ram://models/tiny"  # in memory, known to TensorFlow alone
    for file in (path for path in tiny_model.rglob("*") if path.is_file()):
        target = f"{position}/{file.relative_to(tiny_model).as_posix()}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        tf.io.gfile.copy(str(file), target)
    samples, rate = soundfile.read(next(tiny_source.glob("*.wav")))
    generated = [
        model.generate(samples, rate, "cello") for model in (generator, Generator.load(position))
    ]
    np.testing.assert_array_equal(*generated)
