"""One recording of one player: the sound of its clips and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cargan_tf.synthetic import soundfont as sampler
from cargan_tf.synthetic import synthesizer
from cargan_tf.synthetic.synthesizer import CLIP_SECONDS, SAMPLE_RATE, Score, compose
from cargan_tf.synthetic.timbre import INSTRUMENTS, PLAYERS, Instrument, generator, timbre

#: RMS in dB of full scale of clips that are played with loudness 0 and 1; nearly all clips lie
#: between, so that the pose moves with each decibel.
QUIET_DB, LOUD_DB = -38.0, -12.0

CLIP_SAMPLES = round(CLIP_SECONDS * SAMPLE_RATE)


@dataclass(frozen=True)
class Clip:
    """Half a second of a recording.

    Attributes:
        start_ms: where in the recording it begins.
        midi: key of its note.
        loudness_db: RMS, dB of full scale.
        pitch: ``midi`` within the instrument's range, 0 to 1.
        loudness: ``loudness_db`` between ``QUIET_DB`` and ``LOUD_DB``, 0 to 1.
        samples: int16 at ``SAMPLE_RATE``, shape [``CLIP_SAMPLES``].
    """

    start_ms: int
    midi: int
    loudness_db: float
    pitch: float
    loudness: float
    samples: np.ndarray


def player_of(recording: int) -> int:
    """Which of the ``PLAYERS`` players made ``recording``; they take turns."""
    return recording % PLAYERS


def soundfont_of(
    label: str, recording: int, seed: int, soundfonts: Sequence[Path | None]
) -> Path | None:
    """Which of ``soundfonts`` plays ``recording``; ``None`` for the synthesizer."""
    if not soundfonts:
        return None
    return soundfonts[int(generator(seed, label, recording, "soundfont").integers(len(soundfonts)))]


def record_clips(
    label: str, recording: int, clips: int, seed: int, soundfonts: Sequence[Path | None] = ()
) -> list[Clip]:
    """The clips of one recording, in the order of their starts.

    Args:
        label: the instrument's name.
        recording: its number, from 0.
        clips: how many clips to cut, one a note.
        seed: the data set's.
        soundfonts: files of which one, chosen by the seed, plays the notes; ``None`` among them,
            or without any, is the synthesizer.

    Raises:
        UserError: the SoundFont cannot be used.
    """
    instrument = INSTRUMENTS[label]
    score, sound = _record(label, recording, clips, seed, soundfonts)
    return [
        cut_clip(sound, instrument, start_ms * SAMPLE_RATE // 1000, note.midi, start_ms)
        for note, start_ms in zip(score.notes, score.clip_ms, strict=True)
    ]


def record(label: str, recording: int, notes: int, seed: int) -> np.ndarray:
    """A whole recording: [samples] at ``SAMPLE_RATE``, full scale at ±1."""
    _, sound = _record(label, recording, notes, seed, soundfonts=())
    return sound


def _record(
    label: str, recording: int, notes: int, seed: int, soundfonts: Sequence[Path | None]
) -> tuple[Score, np.ndarray]:
    score = compose(INSTRUMENTS[label], notes, generator(seed, label, recording, "score"))
    return score, _perform(label, recording, score, seed, soundfonts)


def _perform(
    label: str, recording: int, score: Score, seed: int, soundfonts: Sequence[Path | None]
) -> np.ndarray:
    player = player_of(recording)
    instrument = INSTRUMENTS[label]
    # Part of the seed: another word would change the sound of every player.
    playing = timbre(player, generator(seed, label, player, "signature"))
    font = soundfont_of(label, recording, seed, soundfonts)
    if font is not None:
        program = instrument.programs[
            generator(seed, label, recording, "program").integers(len(instrument.programs))
        ]
        dry = sampler.render(font, score.notes, program, instrument, playing, score.seconds)
    else:
        random = generator(seed, label, recording, "performance")
        dry = synthesizer.render(score.notes, instrument, playing, score.seconds, random)
    echoes = generator(seed, label, player, "room")
    noise = generator(seed, label, recording, "noise")
    return synthesizer.record(dry, playing, echoes, noise)


def cut_clip(
    sound: np.ndarray,
    instrument: Instrument | None,
    first: int,
    midi: int,
    start_ms: int | None = None,
) -> Clip:
    """The clip that begins at sample ``first``; its pose is measured.

    Args:
        sound: [samples] at ``SAMPLE_RATE``, full scale at ±1.
        instrument: gives the range of pitches; ``None`` where there is none.
        first: its first sample.
        midi: key of its note.
        start_ms: the same moment in milliseconds, rounded if not given.
    """
    cut = np.clip(sound[first : first + CLIP_SAMPLES], -1.0, 1.0)
    samples = np.round(cut * 32767).astype("<i2")
    power = float(np.mean((samples / 32768.0) ** 2))
    loudness_db = 10 * float(np.log10(max(power, 1e-10)))
    loudness = (loudness_db - QUIET_DB) / (LOUD_DB - QUIET_DB)
    pitch = 0.0 if instrument is None else (midi - instrument.lowest) / instrument.span
    return Clip(
        start_ms=round(1000 * first / SAMPLE_RATE) if start_ms is None else start_ms,
        midi=midi,
        loudness_db=loudness_db,
        pitch=min(max(pitch, 0.0), 1.0),
        loudness=min(max(loudness, 0.0), 1.0),
        samples=samples,
    )
