import ctypes.util

import numpy as np
import pytest
from helpers.soundfonts import write_soundfont

from cargan_tf.synthetic import other_sounds
from cargan_tf.synthetic.other_sounds import LIKE_THE_INSTRUMENTS, OTHER_PROGRAMS, other_sound
from cargan_tf.synthetic.timbre import INSTRUMENTS


def test_sounds_are_half_a_second_within_full_scale_and_never_silent():
    random = np.random.default_rng(0)
    for _ in range(60):
        sound = other_sound(random)
        assert sound.shape == (11_025,)
        assert 0.01 < np.abs(sound).max() <= 1


def test_the_same_random_state_gives_the_same_sound():
    one, again, other = (other_sound(np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


def test_other_programs_are_all_but_the_instruments_and_their_likes():
    for instrument in INSTRUMENTS.values():
        assert not set(instrument.programs) & set(OTHER_PROGRAMS)
    assert len(OTHER_PROGRAMS) + len(LIKE_THE_INSTRUMENTS) == 128
    assert {0, 24, 105} < set(OTHER_PROGRAMS)  # piano, guitar, banjo


@pytest.mark.skipif(ctypes.util.find_library("fluidsynth") is None, reason="no FluidSynth library")
def test_a_soundfont_plays_them_and_what_it_lacks_is_synthesized(tmp_path, monkeypatch):
    monkeypatch.setattr(other_sounds, "FRACTION_BY_SOUNDFONT", 1.0)
    whole = write_soundfont(tmp_path / "whole.sf2", tuple(range(128)))
    sound = other_sound(np.random.default_rng(1), [whole])
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peak = np.argmax(spectrum)
    assert spectrum[peak] > 100 * np.median(spectrum)  # the font's sines
    lacking = write_soundfont(tmp_path / "flute.sf2", (73,))
    assert np.abs(other_sound(np.random.default_rng(1), [lacking])).max() > 0.01
