import numpy as np
import pytest

from cargan_tf.audio.notes import find_notes
from cargan_tf.config import AudioConfig

RATE = 22_050
AUDIO = AudioConfig(sample_rate=RATE)
#: Seconds by which an onset may be off: half a frame of 25 a second.
NEAR = 0.02


def tone(frequency, seconds, level=0.3, harmonics=6):
    """A note with a short attack and release."""
    times = np.arange(round(seconds * RATE)) / RATE
    partials = sum(np.sin(2 * np.pi * n * frequency * times) / n for n in range(1, harmonics + 1))
    edges = np.minimum(1, np.minimum(times, times[::-1]) / 0.01)
    return level * partials * edges


def rest(seconds):
    return np.zeros(round(seconds * RATE))


def found(*parts, noise=0.0, audio=AUDIO):
    sound = np.concatenate(parts)
    sound = sound + noise * np.random.default_rng(0).standard_normal(len(sound))
    return find_notes(sound.astype(np.float32), audio)


def seconds(samples):
    return pytest.approx(samples / RATE, abs=NEAR)


@pytest.mark.parametrize("noise", [0.0, 0.0005, 0.01])
@pytest.mark.parametrize("frequency", [55, 220, 1_000])
def test_a_note_between_rests(frequency, noise):
    (note,) = found(rest(2), tone(frequency, 1), rest(1), noise=noise)
    assert seconds(note.begin) == 2.0
    assert seconds(note.end) == 3.0
    assert note.begin < note.tail <= note.end


@pytest.mark.parametrize("ratio", [2 ** (2 / 12), 2 ** (7 / 12), 0.5])
def test_notes_that_follow_at_once(ratio):
    notes = found(rest(0.5), tone(440, 0.7), tone(440 * ratio, 0.6), tone(440, 0.25), rest(0.5))
    for note, begin in zip(notes, (0.5, 1.2, 1.8), strict=True):
        assert seconds(note.begin) == begin
    assert [note.end for note in notes[:-1]] == [note.begin for note in notes[1:]]


def test_a_note_that_is_struck_again():
    notes = found(tone(300, 0.5), tone(300, 0.5))
    assert [round(note.begin / RATE, 1) for note in notes] == [0.0, 0.5]


def test_vibrato_and_a_swell_begin_no_note():
    times = np.arange(3 * RATE) / RATE
    phase = 440 * times + 440 * 0.014 / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * times)
    swell = 0.05 + 0.3 * np.sin(np.pi * times / 3)
    sound = sum(np.sin(2 * np.pi * n * phase) / n for n in range(1, 7))
    assert len(found(swell * sound)) == 1


def test_a_gap_between_detached_notes_is_no_rest_and_a_click_no_note():
    detached = found(tone(440, 0.4), rest(0.08), tone(660, 0.4), rest(1))
    assert len(detached) == 2
    assert detached[0].end == detached[1].begin
    click = np.zeros(round(0.02 * RATE))
    click[100:200] = 0.5
    (note,) = found(rest(1), click, rest(1), tone(440, 1))
    assert note.begin > 1.9 * RATE


def test_the_tail_is_what_dies_away():
    times = np.arange(2 * RATE) / RATE
    decaying = tone(440, 2) * 10 ** (-30 * times / 20)  # 30 dB a second
    (note,) = found(decaying, rest(1))
    assert note.tail / RATE == pytest.approx(20 / 30, abs=0.05)
    assert note.end > note.tail + 0.4 * RATE


def test_soft_music_without_rests_is_heard_to_its_end():
    (first, *_, last) = found(tone(300, 1, 0.01), tone(450, 1, 0.3), tone(300, 1, 0.01))
    assert first.begin == 0
    assert last.end / RATE == pytest.approx(3, abs=NEAR)


@pytest.mark.parametrize("sound", [np.zeros(RATE), np.zeros(1), np.full(RATE, 1e-4)])
def test_silence_holds_no_note(sound):
    assert found(sound) == []


def test_room_noise_alone_holds_no_note():
    assert found(rest(3), noise=0.01) == []


def test_onsets_do_not_depend_on_where_a_part_of_the_recording_ends(monkeypatch):
    melody = [tone(220 * 2 ** (step / 12), 0.3) for step in (0, 4, 7, 12, 5, 9, 2, 11) * 3]
    whole = found(*melody)
    assert len(whole) == len(melody)
    monkeypatch.setattr("cargan_tf.audio.notes._PART_SECONDS", 0.7)
    assert found(*melody) == whole


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_other_sample_rates(rate):
    times = np.arange(4 * rate) / rate
    sound = 0.3 * np.sin(2 * np.pi * 440 * times) * ((times >= 2) & (times < 3))
    (note,) = find_notes(sound.astype(np.float32), AudioConfig(sample_rate=rate))
    assert note.begin / rate == pytest.approx(2, abs=NEAR)
    assert note.end / rate == pytest.approx(3, abs=NEAR)
