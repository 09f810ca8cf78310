from __future__ import annotations

import numpy as np
import pytest

from cargan_tf.synthetic.synthesizer import (
    LOUDEST_DB,
    SAMPLE_RATE,
    SOFTEST_DB,
    Note,
    harmonic_amplitudes,
    render,
)
from cargan_tf.synthetic.timbre import INSTRUMENTS, TYPICAL

IN_TUNE = TYPICAL[1]


def play(label, midi, velocity=0.8):
    note = Note(start=0.1, seconds=1.0, midi=midi, velocity=velocity)
    return render((note,), INSTRUMENTS[label], IN_TUNE, 1.5, np.random.default_rng(0))


def level_db(sound):
    return 10 * np.log10(np.mean(sound**2))


@pytest.mark.parametrize("label", INSTRUMENTS)
def test_the_note_has_its_pitch(label):
    instrument = INSTRUMENTS[label]
    midi = instrument.lowest + instrument.span // 2
    steady = play(label, midi)[SAMPLE_RATE // 2 : SAMPLE_RATE]
    expected = SAMPLE_RATE / (440 * 2 ** ((midi - 69) / 12))
    repeats = np.correlate(steady[2000:], steady[2000:-3000], mode="valid")
    lags = np.arange(round(0.7 * expected), round(1.3 * expected))
    assert abs(lags[np.argmax(repeats[lags])] - expected) < 0.04 * expected + 1


def test_the_level_follows_the_velocity():
    held = slice(SAMPLE_RATE // 4, SAMPLE_RATE // 2)
    assert level_db(play("horn", 55, 1.0)[held]) == pytest.approx(LOUDEST_DB, abs=1.5)
    assert level_db(play("horn", 55, 0.0)[held]) == pytest.approx(SOFTEST_DB, abs=1.5)


def test_silence_before_and_after_the_note():
    sound = play("oboe", 70)
    assert np.all(sound[: SAMPLE_RATE // 10 - 1] == 0)
    assert np.all(sound[round(1.3 * SAMPLE_RATE) :] == 0)


def test_louder_is_brighter_and_the_clarinet_lacks_even_harmonics():
    def strength_above_fourth(label, velocity):
        return (harmonic_amplitudes(INSTRUMENTS[label], 220, velocity)[4:] ** 2).sum()

    assert strength_above_fourth("horn", 1) > 2 * strength_above_fourth("horn", 0)
    clarinet = harmonic_amplitudes(INSTRUMENTS["clarinet"], 220, 0.5)
    assert clarinet[1] < 0.3 * clarinet[2]


def test_no_harmonic_folds_back():
    violin = INSTRUMENTS["violin"]
    count = len(harmonic_amplitudes(violin, 1500, 1.0))
    assert 1500 * count < SAMPLE_RATE / 2
