from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.synthetic import soundfont
from cargan_tf.synthetic.recording import record_clips
from cargan_tf.synthetic.score import Note
from cargan_tf.synthetic.synthesizer import LOUDEST_DB, SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS, TYPICAL


class SineSynth:
    """Stands in for tinysoundfont.Synth: sines as loud as the velocity."""

    silent = False

    def __init__(self, samplerate, gain):
        self.samplerate = samplerate
        self.sounding = {}
        self.done = 0

    def sfload(self, path):
        if Path(path).read_bytes()[:4] != b"RIFF":
            raise OSError("not a SoundFont")
        return 0

    def program_select(self, channel, font, bank, program):
        self.program = program

    def noteon(self, channel, key, velocity):
        self.sounding[key] = velocity

    def noteoff(self, channel, key):
        del self.sounding[key]

    def pitchbend(self, channel, value):
        assert 0 <= value <= 16383

    def generate(self, samples):
        time = (self.done + np.arange(samples)) / self.samplerate
        self.done += samples
        mono = np.zeros(samples)
        if not self.silent:
            for key, velocity in self.sounding.items():
                mono += velocity / 127 * np.sin(2 * np.pi * 440 * 2 ** ((key - 69) / 12) * time)
        return np.stack([mono, mono], axis=1).astype(np.float32).tobytes()


@pytest.fixture
def font(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", types.SimpleNamespace(Synth=SineSynth))
    path = tmp_path / "general.sf2"
    path.write_bytes(b"RIFF....")
    return path


NOTES = (Note(0.1, 0.8, 69, 1.0), Note(0.9, 0.8, 71, 0.2))


def test_notes_sound_when_and_as_loudly_as_written(font):
    sound = soundfont.render(font, NOTES, INSTRUMENTS["flute"], TYPICAL[1], 2.0)
    assert sound.shape == (2 * SAMPLE_RATE,)
    level = [
        np.sqrt(np.mean(sound[int(a * 22050) : int(b * 22050)] ** 2))
        for a, b in ((0.0, 0.09), (0.2, 0.8), (1.0, 1.6), (1.8, 2.0))
    ]
    assert level[0] == level[3] == 0
    assert 20 * np.log10(level[1]) == pytest.approx(LOUDEST_DB, abs=0.5)
    assert level[2] < 0.5 * level[1]


def test_recordings_can_be_played_by_it(font):
    clips = record_clips("flute", 0, 3, 0, font)
    assert len(clips) == 3
    assert max(clip.loudness for clip in clips) > 0.5


def test_a_font_without_the_instrument_is_refused(font, monkeypatch):
    monkeypatch.setattr(SineSynth, "silent", True)
    with pytest.raises(UserError, match="no sound for General MIDI program 74"):
        soundfont.render(font, NOTES, INSTRUMENTS["flute"], TYPICAL[1], 2.0)


def test_what_is_no_soundfont_is_refused(font):
    font.write_bytes(b"hello")
    with pytest.raises(UserError, match="not a SoundFont that can be read"):
        soundfont.require(font)
    with pytest.raises(UserError, match="there is no SoundFont"):
        soundfont.require(font.with_name("other.sf2"))


def test_without_tinysoundfont_the_message_names_the_extra(font, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(UserError, match=r"cargan-tf\[soundfont\]"):
        soundfont.require(font)
