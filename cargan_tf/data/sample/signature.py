"""What tells one player of an instrument from another by ear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PLAYERS = 3


@dataclass(frozen=True)
class Signature:
    """The sound of one player: the way of playing, the instrument's body and the room.

    Attributes:
        tuning_cents: how far above A = 440 Hz the player tunes.
        vibrato_hz: swings of the vibrato a second.
        vibrato_depth: factor on the instrument's own vibrato.
        brightness_db: dB an octave added above ``PIVOT_HZ`` and taken below it.
        body_hz: centre of the resonance of this player's own instrument.
        body_db: its gain.
        reverb_seconds: time in which the room's sound falls by 60 dB.
        reverb_db: level of the room's sound against the direct sound.
        floor_db: RMS of the noise floor, dB of full scale.
        floor_tilt_db: dB an octave by which that noise rises towards high frequencies.
    """

    tuning_cents: float
    vibrato_hz: float
    vibrato_depth: float
    brightness_db: float
    body_hz: float
    body_db: float
    reverb_seconds: float
    reverb_db: float
    floor_db: float
    floor_tilt_db: float


#: A dark player in a hall, a neutral one in a studio, a bright one beside a hissing amplifier.
TYPICAL: tuple[Signature, ...] = (
    Signature(-18, 4.4, 1.3, -5.0, 350, 9.0, 0.7, -18, -56, -6.0),
    Signature(0, 5.3, 0.6, 0.0, 1300, 9.0, 0.4, -22, -62, -2.0),
    Signature(18, 6.3, 1.0, 5.0, 3600, 9.0, 0.2, -26, -56, 3.0),
)


def signature(player: int, random: np.random.Generator) -> Signature:
    """The signature of player 0, 1 or 2: a typical one, a little changed by ``random``."""
    typical = TYPICAL[player]
    return Signature(
        tuning_cents=typical.tuning_cents + random.uniform(-4, 4),
        vibrato_hz=typical.vibrato_hz + random.uniform(-0.2, 0.2),
        vibrato_depth=typical.vibrato_depth * random.uniform(0.9, 1.1),
        brightness_db=typical.brightness_db + random.uniform(-0.3, 0.3),
        body_hz=typical.body_hz * 2 ** random.uniform(-0.15, 0.15),
        body_db=typical.body_db,
        reverb_seconds=typical.reverb_seconds * random.uniform(0.9, 1.1),
        reverb_db=typical.reverb_db + random.uniform(-1, 1),
        floor_db=typical.floor_db + random.uniform(-1, 1),
        floor_tilt_db=typical.floor_tilt_db + random.uniform(-0.4, 0.4),
    )
