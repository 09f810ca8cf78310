"""Sounds from files: which part is drawn, what is said of it, bad files among good ones."""

import io

import numpy as np
import pytest
import soundfile
from helpers.tones import CLIP, RATE, distance, drawn_from, tone

from cargan_tf.errors import UserError
from cargan_tf.inference.generator import BATCH_SIZE, GenerationResult


def test_files_of_any_rate_and_channels_are_drawn(generator, write):
    stereo = np.stack([tone(rate=44_100)] * 2, axis=1)
    for name in ("clip.wav", "clip.flac", "clip.ogg"):
        generated = drawn_from(generator, write(stereo, 44_100, name))
        assert isinstance(generated, GenerationResult)
        assert (generated.label, generated.image.shape) == ("violin", (64, 64, 3))


def test_the_loudest_half_second_is_drawn(generator, write):
    quiet = tone(seconds=1, level=0.02)
    loud = tone(frequency=700, level=0.5)
    generated = drawn_from(generator, write(np.concatenate([quiet, loud, quiet])))
    assert generated.start_seconds == pytest.approx(1.0, abs=0.02)
    assert generated.padded_seconds == 0


def test_a_start_is_obeyed(generator, write):
    sound = np.concatenate([tone(frequency=300), tone(frequency=900, level=0.9), tone()])
    generated = drawn_from(generator, write(sound), start=0.25)
    assert generated.start_seconds == 0.25
    expected = generator.generate(sound[2_000 : 2_000 + CLIP], RATE, "violin")
    assert distance(generated.image, expected) <= 1


def test_a_short_sound_is_padded_and_it_is_said(generator, write):
    generated = drawn_from(generator, write(tone(seconds=0.3)))
    assert generated.padded_seconds == pytest.approx(0.2)
    assert "shorter than a clip; 0.20 s of silence were added" in generated.warnings()


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
    bad = {0, 5, BATCH_SIZE, BATCH_SIZE + 2}
    paths, labels = [], []
    for index in range(BATCH_SIZE + 3):
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


def test_no_files_no_images(generator):
    assert list(generator.generate_files([], [])) == []
    assert generator.generate_clips([], []) == []


def test_what_leads_to_the_image_is_told(generator, write):
    generated = drawn_from(generator, write(tone()))
    assert generated.coarse.shape == generated.image.shape
    assert tuple(generated.residue) == generator.labels
    assert sum(generated.residue.values()) == pytest.approx(0, abs=1e-5)
    assert generated.spectrogram.shape == (64, 64, 1)


def test_a_stream_is_as_good_as_a_file(generator, write):
    path = write(tone())
    stream = io.BytesIO(path.read_bytes())
    assert distance(drawn_from(generator, stream).image, drawn_from(generator, path).image) == 0
