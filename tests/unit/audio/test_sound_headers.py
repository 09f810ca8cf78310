"""Files whose headers say something else than what is in them, and what is no sound at all."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from cargan_tf.audio.decode import decode_file, must_be_read_whole, read_audio
from cargan_tf.audio.sound_headers import (
    begin_of_mpeg_audio,
    find_mpeg_audio,
    find_ogg_pages,
    flac_goes_on,
    other_kind,
    wav_goes_on,
)
from cargan_tf.errors import UserError

RATE = 22_050
SECONDS = 3.0


def tone(frequency=440.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(RATE * SECONDS)) / RATE)


def written(file_format, samples=None):
    content = io.BytesIO()
    soundfile.write(content, tone() if samples is None else samples, RATE, format=file_format)
    return content.getvalue()


def noise(count, seed=1):
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8).tobytes()


def mp3_frames():
    """An MP3 file without the frame that says how long it is."""
    content = written("MP3")
    end = content.find(b"\xff\xfb", 4) if content[:2] == b"\xff\xfb" else -1
    begin = end if end > 0 else content.find(content[:2], 4)
    return content[begin:]


def with_xing_frames(count):
    content = bytearray(written("MP3"))
    tag = max(content.find(b"Xing"), content.find(b"Info"))
    assert tag > 0
    content[tag + 8 : tag + 12] = struct.pack(">I", count)
    return bytes(content)


def with_data_bytes(count):
    content = bytearray(written("WAV"))
    data = content.index(b"data")
    content[data + 4 : data + 8] = struct.pack("<I", count)
    return bytes(content)


def with_flac_samples(count):
    content = bytearray(written("FLAC"))
    content[21] &= 0xF0
    content[22:26] = struct.pack(">I", count)
    return bytes(content)


WRONG = {
    "an MP3 of three frames": with_xing_frames(3),
    "an MP3 of a third": with_xing_frames(40),
    "an MP3 of 20 hours": with_xing_frames(3_000_000),
    "a WAV of 0.02 s": with_data_bytes(1_000),
    "a WAV of 1 s": with_data_bytes(2 * RATE),
    "a FLAC of 0.1 s": with_flac_samples(2_000),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_length_is_not_believed(tmp_path, kind, capfd):
    path = tmp_path / "a"
    path.write_bytes(WRONG[kind])
    sound = decode_file(path, RATE)
    assert len(sound.samples) / RATE == pytest.approx(SECONDS, abs=0.1)
    (note,) = sound.notes
    assert note.startswith("its header says that it lasts")
    assert must_be_read_whole(path)
    np.testing.assert_array_equal(decode_file(io.BytesIO(WRONG[kind]), RATE).samples, sound.samples)
    assert not capfd.readouterr().err


def test_a_length_out_of_bounds_is_refused():
    with pytest.raises(UserError, match=r"lasts 14512\.5 s; expected at most 3600 s"):
        decode_file(io.BytesIO(with_flac_samples(320_000_000)), RATE)


@pytest.mark.parametrize("file_format", ["MP3", "WAV", "FLAC", "OGG", "AIFF", "AU", "CAF", "W64"])
def test_nothing_is_said_of_a_right_header(tmp_path, file_format):
    path = tmp_path / "a"
    path.write_bytes(written(file_format))
    assert decode_file(path, RATE).notes == ()
    assert not must_be_read_whole(path)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0x80000000, 0xFFFFFF00, 0xFFFFFFFF])
def test_sizes_that_pipes_write(size):
    sound = decode_file(io.BytesIO(with_data_bytes(size)), RATE)
    assert len(sound.samples) == round(RATE * SECONDS)
    assert sound.notes == ()


def test_a_file_cut_off_says_so():
    content = written("FLAC", noise_samples())
    notes = decode_file(io.BytesIO(content[: len(content) // 2]), RATE).notes
    assert notes[0].startswith("its header says that it lasts 3.0 s; 1.")


def noise_samples():
    return np.random.default_rng(0).normal(0, 0.1, round(RATE * SECONDS))


def test_a_stretch_of_something_else_is_passed_over_and_said(capfd):
    frames = mp3_frames()
    sound = decode_file(io.BytesIO(frames[:6_000] + noise(3_000) + frames[6_000:]), RATE)
    assert len(sound.samples) / RATE == pytest.approx(SECONDS, abs=0.2)
    assert any("of its bytes are no sound" in note for note in sound.notes)
    assert not capfd.readouterr().err


def test_an_mp3_may_begin_within_a_frame():
    """As recorders of a stream write it."""
    frames = mp3_frames()
    assert begin_of_mpeg_audio(frames[150:]) not in (None, 0)
    sound = decode_file(io.BytesIO(frames[150:]), RATE)
    assert len(sound.samples) / RATE == pytest.approx(SECONDS, abs=0.3)


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a"])
def test_what_a_decoder_would_only_search_through_is_refused(tmp_path, name, capfd):
    path = tmp_path / name
    path.write_bytes(mp3_frames()[:4_000] + noise(300_000))
    with pytest.raises(UserError, match=r"is damaged, or not the sound file .* 9\d% of it"):
        read_audio(path, RATE)
    assert not capfd.readouterr().err


def test_tags_behind_an_mp3_are_not_lost_bytes():
    frames = mp3_frames()
    for tags in (b"TAG" + bytes(125), b"APETAGEX" + noise(500), bytes(5_000)):
        assert find_mpeg_audio(io.BytesIO(frames + tags)).lost == 0


def test_loud_samples_are_no_mpeg_audio():
    """Low and loud, -1 and -2 of 16 bits look like the header of a frame."""
    samples = (-np.ones(40_000) * 13).astype(np.int16)
    for file_format in ("WAV", "AIFF", "VOC", "AU"):
        content = written(file_format, samples)
        assert len(decode_file(io.BytesIO(content), RATE).samples) == 40_000


def test_chunks_behind_the_data_are_not_taken_for_samples():
    content = written("WAV")
    for chunk in (b"LIST", b"id3 ", b"bext", b"_PMX"):
        behind = chunk + struct.pack("<I", 9_000) + noise(9_000)
        assert not wav_goes_on(io.BytesIO(content + behind))
        assert len(decode_file(io.BytesIO(content + behind), RATE).samples) == RATE * SECONDS
    assert not wav_goes_on(io.BytesIO(content + bytes(9_000)))
    assert not wav_goes_on(io.BytesIO(content + b"TAG" + noise(125)))


@pytest.mark.parametrize("samples", [np.zeros(200_000), noise_samples(), 0.01 * tone(3_000.0)])
def test_any_flac_has_the_length_that_it_says(samples):
    assert not flac_goes_on(io.BytesIO(written("FLAC", samples)))


OTHERS = {
    b"": "empty",
    b"PK\x03\x04" + noise(500): "a zip archive",
    b"%PDF-1.7\n": "a PDF",
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff\xe0" + noise(500): "a JPEG photo",
    b"MThd\x00\x00\x00\x06": "a MIDI file",
    b"\n<!DOCTYPE html><html>": "a web page",
    b"version https://git-lfs.github.com/spec/v1\n": "a pointer of Git LFS",
}


@pytest.mark.parametrize("content", OTHERS)
@pytest.mark.parametrize("name", ["a.mp3", "a.m4a", "a.wav"])
def test_what_is_no_sound_is_named(tmp_path, content, name, capfd):
    assert other_kind(content).startswith(OTHERS[content])
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"is {OTHERS[content]}.*; expected a sound file"):
        read_audio(path, RATE)
    assert not capfd.readouterr().err


def test_gaps_in_an_ogg_file_are_passed_over_and_said():
    content = written("OGG", noise_samples())
    assert find_ogg_pages(io.BytesIO(content)).lost == 0
    half = content.index(b"OggS", len(content) // 2)
    sound = decode_file(io.BytesIO(content[:half] + noise(5_000) + content[half:]), RATE)
    assert len(sound.samples) / RATE == pytest.approx(SECONDS, abs=0.3)
    assert any("of its bytes are no sound" in note for note in sound.notes)
    with pytest.raises(UserError, match=r"not the sound file that it seems: 9\d%"):
        decode_file(io.BytesIO(content[:half] + noise(300_000)), RATE)
