import csv

import numpy as np
import pytest
import soundfile

from cargan_tf.errors import UserError
from cargan_tf.labels import NONE
from cargan_tf.synthetic.real_recordings import find_recordings, midi_of, read_clips

RATE = 16_000


def write_tone(path, midi=69, seconds=1.5, level=0.3, silence=0.0):
    time = np.arange(round(seconds * RATE)) / RATE
    frequency = 440 * 2 ** ((midi - 69) / 12)
    tone = level * sum(np.sin(2 * np.pi * k * frequency * time) / k for k in (1, 2, 3)) / 2
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate([tone, np.zeros(round(silence * RATE))]), RATE)
    return path


@pytest.mark.parametrize(
    ("text", "midi"),
    [
        ("phil_flute_A5_15_piano_normal", 81),
        ("violin-Cs4", 61),
        ("tuba.Bb1", 34),
        ("C-1", 0),
        ("G#3", 56),
        ("take_two", None),
        ("flute_forte", None),
        ("A440", None),
    ],
)
def test_the_pitch_in_a_name(text, midi):
    assert midi_of(text) == midi


def test_a_folder_per_label_and_a_folder_per_player(tmp_path):
    write_tone(tmp_path / "violin" / "Anna" / "v_A4.wav")
    write_tone(tmp_path / "violin" / "Ben" / "v_B4.wav")
    write_tone(tmp_path / "French horn" / "h_A3.wav")
    write_tone(tmp_path / "none" / "door.wav")
    (tmp_path / "violin" / "notes.txt").write_text("mine")
    found = find_recordings(tmp_path, 0)
    assert [(one.label, one.player, one.midi) for one in found] == [
        ("horn", 0, 57),
        (NONE, 0, None),
        ("violin", 0, 69),
        ("violin", 1, 71),
    ]


def test_a_note_is_in_one_split_whatever_its_loudness(tmp_path):
    for midi, name in enumerate(("C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5", "D5", "E5")):
        for dynamics in ("piano", "forte"):
            write_tone(tmp_path / "flute" / f"flute_{name}_{dynamics}.wav", 60 + midi, 0.6)
    splits = {}
    for one in find_recordings(tmp_path, 3):
        splits.setdefault(one.midi, set()).add(one.split)
    assert len(splits) == 10
    assert all(len(split) == 1 for split in splits.values())
    assert find_recordings(tmp_path, 3) == find_recordings(tmp_path, 3)


def test_a_table_names_pitch_player_and_split(tmp_path):
    write_tone(tmp_path / "a.wav")
    rows = [
        {"label": "cello", "audio": "a.wav", "pitch": "48", "player": "x", "split": "test"},
        {"label": "cello", "audio": "a.wav", "pitch": "C3", "player": "y", "split": "train"},
    ]
    with (tmp_path / "list.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    found = find_recordings(tmp_path / "list.csv", 0)
    assert [(one.midi, one.player, one.split) for one in found] == [
        (48, 0, "test"),
        (48, 1, "train"),
    ]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("audio\na.wav\n", "no column label"),
        ("label,audio\nviolin,b.wav\n", "line 2: there is no sound file"),
        ("label,audio,split\nviolin,a.wav,dev\n", "line 2: split is 'dev'"),
        ("label,audio,pitch\nviolin,a.wav,high\n", "line 2: the pitch 'high'"),
        ("label,audio\nviolinn,a.wav\n", "line 2: .*Did you mean 'violin'"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path, table, message):
    write_tone(tmp_path / "a.wav")
    (tmp_path / "list.csv").write_text(table)
    with pytest.raises(UserError, match=message):
        find_recordings(tmp_path / "list.csv", 0)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="expected a folder per label"):
        find_recordings(tmp_path, 0)


def test_clips_are_those_that_sound_and_their_loudness_is_measured(tmp_path):
    write_tone(tmp_path / "flute" / "x_A4.wav", level=0.4, silence=2.0)
    (recording,) = find_recordings(tmp_path, 0)
    clips = read_clips(recording, 20)
    assert all(clip.start_ms < 1_500 for clip in clips)
    assert {clip.midi for clip in clips} == {69}
    # 0.4 / 2 times a sine and its harmonics of 1/2 and 1/3: RMS 0.2 * sqrt(49/36 / 2)
    expected = 20 * np.log10(0.2 * np.sqrt(49 / 72))
    assert clips[0].loudness_db == pytest.approx(expected, abs=0.2)
    assert clips[0].pitch == pytest.approx((69 - 61) / 29)  # the sample data's flute: 61 to 90
    assert len(read_clips(recording, 2)) == 2


def test_an_unnamed_pitch_is_measured_and_noise_gives_no_clip(tmp_path):
    write_tone(tmp_path / "clarinet" / "take1.wav", midi=65)
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    soundfile.write(tmp_path / "clarinet" / "take2.wav", noise, RATE)
    tone, hiss = (read_clips(one, 9) for one in find_recordings(tmp_path, 0))
    assert {clip.midi for clip in tone} == {65}
    assert hiss == []
