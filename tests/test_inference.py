import io
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.inference import BATCH, Drawn, Generator

RATE = 8_000
CLIP = 4_000  # samples


@pytest.fixture(scope="module")
def generator(tiny_model):
    return Generator.load(tiny_model)


def tone(seconds=0.5, rate=RATE, frequency=440.0, level=0.3):
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def distance(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max()


def drawn_from(generator, path, label="violin", **options):
    ((_, drawn),) = generator.generate_files([path], [label], **options)
    return drawn


@pytest.fixture
def write(tmp_path):
    def write(samples, rate=RATE, name="clip.wav"):
        soundfile.write(tmp_path / name, samples, rate)
        return tmp_path / name

    return write


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
        Generator.load(tmp_path)


def test_a_picture_is_eight_bit_rgb(generator):
    picture = generator.generate(tone(), RATE, "violin")
    assert (picture.shape, picture.dtype) == ((64, 64, 3), np.uint8)


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


def test_files_of_any_rate_and_channels_are_drawn(generator, write):
    stereo = np.stack([tone(rate=44_100)] * 2, axis=1)
    for name in ("clip.wav", "clip.flac", "clip.ogg"):
        drawn = drawn_from(generator, write(stereo, 44_100, name))
        assert isinstance(drawn, Drawn)
        assert (drawn.label, drawn.image.shape) == ("violin", (64, 64, 3))


def test_the_loudest_half_second_is_drawn(generator, write):
    quiet = tone(seconds=1, level=0.02)
    loud = tone(frequency=700, level=0.5)
    drawn = drawn_from(generator, write(np.concatenate([quiet, loud, quiet])))
    assert drawn.start_seconds == pytest.approx(1.0, abs=0.02)
    assert drawn.padded_seconds == 0


def test_a_start_is_obeyed(generator, write):
    sound = np.concatenate([tone(frequency=300), tone(frequency=900, level=0.9), tone()])
    drawn = drawn_from(generator, write(sound), start=0.25)
    assert drawn.start_seconds == 0.25
    expected = generator.generate(sound[2_000 : 2_000 + CLIP], RATE, "violin")
    assert distance(drawn.image, expected) <= 1


@pytest.mark.parametrize("start", [0.5, 7.0, -0.1])
def test_a_start_outside_the_sound_is_refused(generator, start):
    with pytest.raises(UserError, match="choose another start"):
        generator.generate(tone(), RATE, "violin", start=start)


@pytest.mark.parametrize("start", [float("nan"), float("inf")])
def test_a_start_that_is_no_number_is_refused(generator, start):
    with pytest.raises(UserError, match="start"):
        generator.generate(tone(), RATE, "violin", start=start)


def test_a_short_sound_is_padded_and_it_is_said(generator, write):
    drawn = drawn_from(generator, write(tone(seconds=0.3)))
    assert drawn.padded_seconds == pytest.approx(0.2)
    assert "shorter than a clip; 0.20 s of silence were added" in drawn.warnings()


def test_a_clear_note_has_no_warning(generator, write):
    assert drawn_from(generator, write(tone())).warnings() == []


def test_silence_is_drawn_and_warned_of(generator, write):
    (warning,) = drawn_from(generator, write(np.zeros(CLIP))).warnings()
    assert warning.startswith("silent (-120 dB")


def test_noise_is_drawn_and_warned_of(generator, write):
    noise = 0.1 * np.random.default_rng(0).normal(size=CLIP)
    (warning,) = drawn_from(generator, write(noise)).warnings()
    assert warning.startswith("more like noise than notes")


def test_a_bad_file_among_good_ones_stops_none_of_them(generator, write, tmp_path):
    """More files than a batch, the bad ones at its start, in it and after its end."""
    bad = {0, 5, BATCH, BATCH + 2}
    paths, labels = [], []
    for index in range(BATCH + 3):
        name = f"{index:02}.wav"
        if index in bad:
            (tmp_path / name).write_text("this is no sound")
        else:
            write(tone(frequency=200 + 40 * index), name=name)
        paths.append(tmp_path / name)
        labels.append(generator.labels[index % 3])
    results = list(generator.generate_files(paths, labels))
    assert [path for path, _ in results] == paths
    for index, (path, result) in enumerate(results):
        if index in bad:
            assert isinstance(result, UserError)
            assert path.name in str(result)
        else:
            assert result.label == labels[index]
            alone = generator.generate(soundfile.read(path)[0], RATE, labels[index])
            assert distance(result.image, alone) <= 1


def test_a_batch_of_bad_files_only(generator, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    assert isinstance(drawn_from(generator, tmp_path / "bad.wav"), UserError)


def test_no_files_no_pictures(generator):
    assert list(generator.generate_files([], [])) == []
    assert generator.draw([], []) == []


@pytest.mark.parametrize("name", ["vn", "Violin", "fiddle", " violin "])
def test_names_in_common_use_are_understood(generator, name):
    picture = generator.generate(tone(), RATE, name)
    np.testing.assert_array_equal(picture, generator.generate(tone(), RATE, "violin"))


@pytest.mark.parametrize(("name", "nearest"), [("violn", "violin"), ("celloo", "cello")])
def test_an_unknown_label_names_the_nearest_and_all(generator, name, nearest):
    with pytest.raises(UserError, match=rf"Did you mean '{nearest}'.*cello, flute, violin"):
        generator.generate(tone(), RATE, name)


def test_an_instrument_of_other_data_is_unknown_here(generator):
    with pytest.raises(UserError, match="unknown label 'tuba'"):
        generator.generate(tone(), RATE, "tuba")


def test_an_unknown_label_is_found_before_anything_is_drawn(generator, write):
    with pytest.raises(UserError, match="unknown label"):
        next(generator.generate_files([write(tone())] * 2, ["violin", "kazoo"]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(generator, value):
    samples = tone()
    samples[100] = value
    with pytest.raises(UserError, match="NaN or infinite sample"):
        generator.generate(samples, RATE, "violin")


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 2, 2)), np.zeros(10, bool)])
def test_what_is_no_waveform_is_refused(generator, samples):
    with pytest.raises(UserError):
        generator.generate(samples, RATE, "violin")


def test_without_a_label_the_instrument_is_recognised(generator, write):
    path = write(tone())
    (heard,) = generator.recognise([generator.read_clip(path)])
    drawn = drawn_from(generator, path, label=None)
    assert drawn.label_weights == {heard.label: 1.0}
    assert drawn.confidence == pytest.approx(heard.confidence, abs=1e-5)
    assert distance(drawn.image, drawn_from(generator, path, heard.label).image) <= 1
    assert distance(drawn.image, generator.generate(tone(), RATE)) <= 1


def test_probabilities_are_by_label(generator):
    (heard,) = generator.recognise([generator.clip(tone(), RATE)])
    assert tuple(heard.probabilities) == generator.labels
    assert sum(heard.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_a_given_label_has_no_confidence(generator, write):
    assert drawn_from(generator, write(tone()), "vn").confidence is None


def test_some_labels_given_some_not(generator):
    clips = [generator.clip(tone(frequency=200 + 90 * index), RATE) for index in range(4)]
    heard = [recognition.label for recognition in generator.recognise(clips)]
    drawn = generator.draw(clips, ["flute", None, {"vn": 1, "cello": 3}, None])
    assert [one.label_weights for one in drawn] == [
        {"flute": 1.0},
        {heard[1]: 1.0},
        {"cello": 0.75, "violin": 0.25},
        {heard[3]: 1.0},
    ]
    assert [one.confidence is None for one in drawn] == [True, False, True, False]


def test_a_mix_of_labels_is_scaled_to_one(generator):
    once = generator.generate(tone(), RATE, {"violin": 0.5, "cello": 0.5})
    np.testing.assert_array_equal(once, generator.generate(tone(), RATE, {"vn": 7, "vc": 7}))
    assert distance(once, generator.generate(tone(), RATE, "violin")) > 1


def test_what_leads_to_the_picture_is_told(generator, write):
    drawn = drawn_from(generator, write(tone()))
    assert drawn.coarse.shape == drawn.image.shape
    assert tuple(drawn.residue) == generator.labels
    assert sum(drawn.residue.values()) == pytest.approx(0, abs=1e-5)
    assert drawn.spectrogram.shape == (64, 64, 1)


def test_a_stream_is_as_good_as_a_file(generator, write):
    path = write(tone())
    stream = io.BytesIO(path.read_bytes())
    assert distance(drawn_from(generator, stream).image, drawn_from(generator, path).image) == 0


def test_more_clips_than_a_batch(generator):
    clips = [generator.clip(tone(frequency=200 + 9 * n), RATE) for n in range(BATCH + 2)]
    drawn = generator.draw(clips, ["cello"] * len(clips))
    assert len(drawn) == len(clips)
    assert distance(drawn[-1].image, generator.draw(clips[-1:], ["cello"])[0].image) <= 1


def test_a_model_that_cannot_recognise_asks_for_a_label(generator, monkeypatch):
    monkeypatch.setattr(Generator, "recognises", False)
    with pytest.raises(UserError, match="name it, one of cello, flute, violin"):
        generator.generate(tone(), RATE)
    with pytest.raises(UserError, match="name it"):
        next(generator.generate_files([], [None]))


def test_a_model_is_read_by_tensorflows_file_systems(generator, tiny_model, tiny_source):
    place = "ram://models/tiny"  # in memory, known to TensorFlow alone
    for file in (path for path in tiny_model.rglob("*") if path.is_file()):
        target = f"{place}/{file.relative_to(tiny_model).as_posix()}"
        tf.io.gfile.makedirs(target.rpartition("/")[0])
        tf.io.gfile.copy(str(file), target)
    samples, rate = soundfile.read(next(tiny_source.glob("*.wav")))
    drawn = [model.generate(samples, rate, "cello") for model in (generator, Generator.load(place))]
    np.testing.assert_array_equal(*drawn)
