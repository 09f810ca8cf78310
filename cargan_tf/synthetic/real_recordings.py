"""Real recordings as sources of sample pairs: their labels, pitches and clips.

A folder per label, or a CSV with the columns ``label`` and ``audio`` and, if known, ``pitch``,
``player`` and ``split``. The pitch comes from the column, else from a note name in the file's name
(``flute_A5_forte``), else it is measured by pYIN (Mauch and Dixon 2014).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cargan_tf.audio.decode import read_audio, sound_files
from cargan_tf.data.pairs import SPLITS
from cargan_tf.errors import UserError
from cargan_tf.labels import NONE, label_index
from cargan_tf.synthetic.recording import CLIP_SAMPLES, Clip, cut_clip
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS, generator

#: Fractions of the notes that are held out where the table names no split.
VALIDATION_FRACTION, TEST_FRACTION = 0.15, 0.15
#: Seconds between the clips that are considered.
HOP_SECONDS: Final = 0.125
#: A clip this much softer than the file's loudest one, or below this level, is left out.
BELOW_LOUDEST_DB, SILENCE_DB = 25.0, -55.0
#: Fraction of a clip's frames in which pYIN must find a pitch.
MIN_VOICED: Final = 0.5
#: Semitones beyond the sample data's range within which a pitch is believed.
RANGE_MARGIN: Final = 24

_NOTE = re.compile(r"(?:^|[_\-\s.])([A-Ga-g])(s|#|b|♯|♭)?(-?\d)(?=$|[_\-\s.])")
_SEMITONES: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS: Final = {None: 0, "s": 1, "#": 1, "♯": 1, "b": -1, "♭": -1}


@dataclass(frozen=True)
class RealRecording:
    """A sound file of one instrument.

    Attributes:
        label: an instrument, or ``NONE``.
        path: of the file.
        player: index of the player who is drawn.
        split: ``train``, ``validation`` or ``test``.
        midi: MIDI key of its one note; ``None`` to measure the pitch of each clip.
    """

    label: str
    path: Path
    player: int
    split: str
    midi: int | None


def midi_of(text: str) -> int | None:
    """The MIDI key that a note name in ``text`` stands for, such as 81 for ``flute_A5_15``."""
    found = _NOTE.search(text)
    if found is None:
        return None
    letter, accidental, octave = found.groups()
    return 12 * (int(octave) + 1) + _SEMITONES[letter.upper()] + _ACCIDENTALS[accidental]


def find_recordings(source: Path, seed: int) -> list[RealRecording]:
    """The recordings of a folder or CSV, sorted by label and path.

    Splits are drawn by note, so that a pitch that is tested was not trained on.

    Raises:
        UserError: there is none, a label or split is unknown, or a file is missing.
    """
    rows = list(_table(source) if source.is_file() else _folders(source))
    if not rows:
        raise UserError(
            f"{source} holds no recordings: expected a folder per label with sound files, or a CSV"
            " with the columns label and audio."
        )
    names: dict[str, list[str]] = {}
    for label, _, player, _, _ in rows:
        players = names.setdefault(label, [])
        if player not in players:
            players.append(player)
    found = []
    for label, path, player, split, midi in sorted(rows, key=lambda row: (row[0], str(row[1]))):
        if not split:
            draw = generator(seed, "split", label, path.name if midi is None else midi).random()
            split = "test" if draw < TEST_FRACTION else "train"
            if TEST_FRACTION <= draw < TEST_FRACTION + VALIDATION_FRACTION:
                split = "validation"
        found.append(RealRecording(label, path, sorted(names[label]).index(player), split, midi))
    return found


def read_clips(recording: RealRecording, limit: int) -> list[Clip]:
    """At most ``limit`` clips of a recording, evenly spread over those that sound.

    Raises:
        UserError: the file cannot be read.
    """
    sound = np.asarray(read_audio(recording.path, SAMPLE_RATE), np.float64)
    if len(sound) < CLIP_SAMPLES:
        sound = np.pad(sound, (0, CLIP_SAMPLES - len(sound)))
    hop = round(HOP_SECONDS * SAMPLE_RATE)
    starts = np.arange(0, len(sound) - CLIP_SAMPLES + 1, hop)
    energy = np.concatenate([[0.0], np.cumsum(sound**2)])
    power = (energy[starts + CLIP_SAMPLES] - energy[starts]) / CLIP_SAMPLES
    decibels = 10 * np.log10(np.maximum(power, 1e-12))
    starts = starts[decibels > max(decibels.max() - BELOW_LOUDEST_DB, SILENCE_DB)]
    if recording.label == NONE:
        pitches: dict[int, int] = dict.fromkeys(starts.tolist(), 0)
    elif recording.midi is not None:
        pitches = dict.fromkeys(starts.tolist(), recording.midi)
    else:
        pitches = _measured_pitches(sound, starts, recording.label)
    chosen = list(pitches)
    if len(chosen) > limit:
        chosen = [
            chosen[index] for index in np.linspace(0, len(chosen) - 1, limit).round().astype(int)
        ]
    instrument = None if recording.label == NONE else INSTRUMENTS[recording.label]
    return [cut_clip(sound, instrument, start, pitches[start]) for start in chosen]


def _measured_pitches(sound: np.ndarray, starts: np.ndarray, label: str) -> dict[int, int]:
    """The MIDI key of the clip at each start; clips without a clear pitch are left out."""
    import librosa

    instrument = INSTRUMENTS[label]
    low, high = instrument.lowest - 12, instrument.highest + RANGE_MARGIN
    hop = 512
    pitch, voiced, _ = librosa.pyin(
        sound.astype(np.float32),
        fmin=float(librosa.midi_to_hz(low)),
        fmax=min(float(librosa.midi_to_hz(high)), SAMPLE_RATE / 2.1),
        sr=SAMPLE_RATE,
        frame_length=4096,
        hop_length=hop,
    )
    found = {}
    for start in starts.tolist():
        frames = slice(start // hop, (start + CLIP_SAMPLES) // hop)
        if voiced[frames].mean() >= MIN_VOICED:
            found[start] = round(float(librosa.hz_to_midi(np.nanmedian(pitch[frames]))))
    return found


#: Label, path, player, split (empty if not given) and MIDI key.
_Row = tuple[str, Path, str, str, int | None]


def _folders(source: Path) -> Iterator[_Row]:
    """``LABEL/…/file``; a folder within a label's is a player."""
    if not source.is_dir():
        raise UserError(f"there is no {source}: name a folder of recordings or a CSV.")
    for folder in sorted(entry for entry in source.iterdir() if entry.is_dir()):
        label = _label(folder.name, str(folder))
        for path in sound_files(folder):
            inside = path.relative_to(folder).parts
            player = inside[0] if len(inside) > 1 else ""
            yield label, path, player, "", midi_of(path.stem)


def _table(source: Path) -> Iterator[_Row]:
    with source.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"label", "audio"} - set(reader.fieldnames or ())
        if missing:
            raise UserError(f"{source} has no column {' and no column '.join(sorted(missing))}.")
        for number, row in enumerate(reader, 2):
            where = f"{source} line {number}"
            path = source.parent / (row["audio"] or "")
            if not path.is_file():
                raise UserError(f"{where}: there is no sound file {path}.")
            split = (row.get("split") or "").strip()
            if split and split not in SPLITS:
                raise UserError(
                    f"{where}: split is {split!r}; expected one of {', '.join(SPLITS)}."
                )
            label = _label(row["label"] or "", where)
            yield label, path, row.get("player") or "", split, _pitch(row, path, where)


def _pitch(row: dict[str, str], path: Path, where: str) -> int | None:
    text = (row.get("pitch") or row.get("midi") or "").strip()
    if not text:
        return midi_of(path.stem)
    try:
        key = float(text)
    except ValueError:
        named = midi_of(text)
        if named is None:
            raise UserError(
                f"{where}: the pitch {text!r} is neither a MIDI key such as 69 nor a note (A4)."
            ) from None
        return named
    if not 0 <= key <= 127:
        raise UserError(f"{where}: the pitch {text} is not a MIDI key from 0 to 127.")
    return round(key)


def _label(name: str, where: str) -> str:
    if name.strip().lower() == NONE:
        return NONE
    labels = tuple(INSTRUMENTS)
    try:
        return labels[label_index(name, labels)]
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
