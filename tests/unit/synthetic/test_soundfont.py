from __future__ import annotations

import ctypes.util
import sys

import numpy as np
import pytest
from helpers.soundfonts import write_soundfont

from cargan_tf.errors import UserError
from cargan_tf.synthetic import soundfont
from cargan_tf.synthetic.recording import record_clips, soundfont_of
from cargan_tf.synthetic.synthesizer import LOUDEST_DB, SAMPLE_RATE, Note
from cargan_tf.synthetic.timbre import INSTRUMENTS, TYPICAL

FLUTE = INSTRUMENTS["flute"]
NOTES = (Note(0.1, 0.8, 69, 1.0), Note(0.9, 0.8, 81, 0.2))
needs_fluidsynth = pytest.mark.skipif(
    ctypes.util.find_library("fluidsynth") is None, reason="FluidSynth's library is not installed"
)


@pytest.fixture(scope="module")
def font(tmp_path_factory):
    return write_soundfont(tmp_path_factory.mktemp("font") / "sine.sf2", FLUTE.programs)


def render(font, program=FLUTE.programs[0], notes=NOTES):
    return soundfont.render(font, notes, program, FLUTE, TYPICAL[1], 2.0)


def loudest_frequency(sound):
    return np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * SAMPLE_RATE / len(sound)


@needs_fluidsynth
def test_notes_sound_when_as_high_and_as_loud_as_written(font):
    sound = render(font)
    assert sound.shape == (2 * SAMPLE_RATE,)
    parts = [
        sound[int(first * SAMPLE_RATE) : int(last * SAMPLE_RATE)]
        for first, last in ((0.0, 0.09), (0.3, 0.8), (1.0, 1.6), (1.9, 2.0))
    ]
    level = [np.sqrt(np.mean(part**2)) for part in parts]
    assert level[0] < 1e-4
    assert level[3] < 1e-3
    assert 20 * np.log10(level[1]) == pytest.approx(LOUDEST_DB, abs=0.5)
    assert level[2] < 0.5 * level[1]
    assert loudest_frequency(parts[1]) == pytest.approx(440, rel=0.01)
    assert loudest_frequency(parts[2]) == pytest.approx(880, rel=0.01)


@needs_fluidsynth
def test_a_recording_does_not_depend_on_what_was_played_before(font):
    alone = render(font)
    soundfont.play_keys(font, FLUTE.programs[0], (50, 54, 57), 100, 1.0)
    np.testing.assert_array_equal(render(font), alone)


@needs_fluidsynth
def test_keys_struck_together_sound_together(font):
    sound = soundfont.play_keys(font, FLUTE.programs[0], (69, 81), 100, 1.0)
    spectrum = np.abs(np.fft.rfft(sound[:11025] * np.hanning(11025)))
    others = np.median(spectrum)
    assert spectrum[219:222].max() > 100 * others  # 440 Hz in bins of 2 Hz
    assert spectrum[439:442].max() > 100 * others


@needs_fluidsynth
def test_recordings_can_be_played_by_it(font):
    clips = record_clips("flute", 0, 3, 0, [font])
    assert len(clips) == 3
    assert max(clip.loudness for clip in clips) > 0.5


def test_the_synthesizer_can_be_one_of_those_that_play(tmp_path):
    fonts = [tmp_path / "a.sf2", tmp_path / "b.sf2", None]
    chosen = [soundfont_of("flute", number, 0, fonts) for number in range(60)]
    assert set(chosen) == set(fonts)
    assert chosen == [soundfont_of("flute", number, 0, fonts) for number in range(60)]
    assert soundfont_of("flute", 3, 0, ()) is None


@needs_fluidsynth
def test_a_font_without_the_instrument_is_refused(font):
    with pytest.raises(UserError, match="no sound for General MIDI program 59"):
        render(font, program=58)
    assert soundfont.play_keys(font, 58, (60,), 100, 0.5) is None


@needs_fluidsynth
def test_what_is_not_a_soundfont_is_refused(tmp_path):
    file = tmp_path / "hello.sf2"
    file.write_bytes(b"hello, this is no font")
    with pytest.raises(UserError, match="is not a SoundFont"):
        soundfont.check_soundfont(file)
    file = tmp_path / "cut.sf2"
    file.write_bytes(b"RIFF\x10\0\0\0sfbkLIST")
    with pytest.raises(UserError, match="is damaged"):
        soundfont.check_soundfont(file)
    with pytest.raises(UserError, match="there is no SoundFont"):
        soundfont.check_soundfont(tmp_path / "other.sf2")


def test_without_fluidsynth_the_message_names_extra_and_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(UserError, match=r"'\.\[soundfont\]'.*libfluidsynth3"):
        soundfont.check_soundfont(tmp_path / "any.sf2")
