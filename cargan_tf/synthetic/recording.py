"""One recording of one player: the sound of its clips and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cargan_tf.synthetic import soundfont as sampler
from cargan_tf.synthetic import synthesizer
from cargan_tf.synthetic.score import CLIP_SECONDS, Score, compose
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
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
    """Which of the three players made ``recording``; they take turns."""
    return recording % PLAYERS


def record_clips(
    label: str, recording: int, clips: int, seed: int, soundfont: Path | None = None
) -> list[Clip]:
    """The clips of one recording, in the order of their starts.

    Args:
        label: the instrument's name.
        recording: its number, from 0.
        clips: how many clips to cut, one a note.
        seed: the data set's.
        soundfont: an .sf2 file that plays the notes instead of the synthesizer.

    Raises:
        UserError: the SoundFont cannot be used.
    """
    instrument = INSTRUMENTS[label]
    score, sound = _record(label, recording, clips, seed, soundfont)
    return [
        _cut(sound, instrument, start_ms, note.midi)
        for note, start_ms in zip(score.notes, score.clip_ms, strict=True)
    ]


def record(label: str, recording: int, notes: int, seed: int) -> np.ndarray:
    """A whole recording: [samples] at ``SAMPLE_RATE``, full scale at ±1."""
    _, sound = _record(label, recording, notes, seed, soundfont=None)
    return sound


def _record(
    label: str, recording: int, notes: int, seed: int, soundfont: Path | None
) -> tuple[Score, np.ndarray]:
    score = compose(INSTRUMENTS[label], notes, generator(seed, label, recording, "score"))
    return score, _perform(label, recording, score, seed, soundfont)


def _perform(
    label: str, recording: int, score: Score, seed: int, soundfont: Path | None
) -> np.ndarray:
    player = player_of(recording)
    instrument = INSTRUMENTS[label]
    # Part of the seed: another word would change the sound of every player.
    playing = timbre(player, generator(seed, label, player, "signature"))
    if soundfont is None:
        random = generator(seed, label, recording, "performance")
        dry = synthesizer.render(score.notes, instrument, playing, score.seconds, random)
    else:
        dry = sampler.render(soundfont, score.notes, instrument, playing, score.seconds)
    echoes = generator(seed, label, player, "room")
    noise = generator(seed, label, recording, "noise")
    return synthesizer.record(dry, playing, echoes, noise)


def _cut(sound: np.ndarray, instrument: Instrument, start_ms: int, midi: int) -> Clip:
    first = start_ms * SAMPLE_RATE // 1000
    samples = np.round(sound[first : first + CLIP_SAMPLES] * 32767).astype("<i2")
    power = float(np.mean((samples / 32768.0) ** 2))
    loudness_db = 10 * float(np.log10(max(power, 1e-10)))
    loudness = (loudness_db - QUIET_DB) / (LOUD_DB - QUIET_DB)
    return Clip(
        start_ms=start_ms,
        midi=midi,
        loudness_db=loudness_db,
        pitch=(midi - instrument.lowest) / instrument.span,
        loudness=min(max(loudness, 0.0), 1.0),
        samples=samples,
    )
