"""The timbre of each of the 13 instruments, and how it differs from player to player."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

PLAYERS = 6


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A generator of its own for every ``purpose``, the same on every machine and in every order.

    Args:
        seed: the data set's, at least 0.
        purpose: what the numbers are for, such as ``("violin", 3, "score")``.
    """
    name = "/".join(str(part) for part in purpose)
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))


@dataclass(frozen=True)
class Instrument:
    """One instrument's range and the shape of its tone.

    Attributes:
        lowest: MIDI key of the lowest note played; written ranges, not the extremes.
        span: semitones from the lowest to the highest note.
        programs: General MIDI programs of the instrument, counted from 0.
        rolloff_db: dB an octave by which the harmonics weaken at medium loudness.
        even_db: dB added to the even harmonics; the clarinet's closed tube nearly lacks them.
        formant_hz: center of the body's or the tube's main resonance.
        formant_octaves: half-width of that resonance.
        breath: level of bow or air noise against the tone.
        attack_seconds: time from silence to the full tone.
        vibrato_cents: swing of the pitch to either side.
    """

    lowest: int
    span: int
    programs: tuple[int, ...]
    rolloff_db: float
    even_db: float
    formant_hz: float
    formant_octaves: float
    breath: float
    attack_seconds: float
    vibrato_cents: float

    @property
    def highest(self) -> int:
        """MIDI key of the highest note played."""
        return self.lowest + self.span


# Chosen by us for plausible differences, not measured from recordings: double reeds have a narrow
# formant and weak roll-off, the horn and the tuba a low formant, the flute little but its
# fundamental and much air, the strings a slow attack and a wide vibrato. General MIDI has four
# saxophones and a muted trumpet; its string ensembles and brass sections are not one player.
INSTRUMENTS: dict[str, Instrument] = {
    "bassoon": Instrument(36, 30, (70,), 4.0, 0.0, 500, 0.6, 0.020, 0.03, 8),
    "cello": Instrument(38, 28, (42,), 7.0, 0.0, 700, 1.2, 0.030, 0.08, 20),
    "clarinet": Instrument(52, 30, (71,), 6.0, -22.0, 1600, 1.6, 0.012, 0.03, 0),
    "double_bass": Instrument(28, 26, (43,), 7.0, 0.0, 300, 1.2, 0.040, 0.09, 8),
    "flute": Instrument(61, 29, (73,), 12.0, -4.0, 900, 1.5, 0.090, 0.06, 20),
    "horn": Instrument(43, 28, (60,), 8.0, 0.0, 420, 1.0, 0.012, 0.05, 0),
    "oboe": Instrument(59, 26, (68,), 2.5, 0.0, 1150, 0.6, 0.015, 0.03, 12),
    "sax": Instrument(50, 28, (64, 65, 66, 67), 4.0, 0.0, 900, 1.5, 0.040, 0.03, 15),
    "trombone": Instrument(41, 27, (57,), 4.0, 0.0, 600, 1.3, 0.012, 0.04, 5),
    "trumpet": Instrument(55, 26, (56, 59), 3.0, 0.0, 1400, 1.3, 0.010, 0.03, 6),
    "tuba": Instrument(29, 26, (58,), 7.5, 0.0, 220, 1.0, 0.015, 0.06, 0),
    "viola": Instrument(48, 28, (41,), 6.5, 0.0, 1100, 1.1, 0.030, 0.07, 20),
    "violin": Instrument(55, 31, (40,), 5.5, 0.0, 2800, 1.2, 0.030, 0.06, 25),
}


@dataclass(frozen=True)
class Timbre:
    """The sound of one player: the way of playing, the instrument's body and the room.

    Attributes:
        tuning_cents: how far above A = 440 Hz the player tunes.
        vibrato_hz: swings of the vibrato a second.
        vibrato_depth: factor on the instrument's own vibrato.
        brightness_db: dB an octave added above ``PIVOT_HZ`` and taken below it.
        body_hz: center of the resonance of this player's own instrument.
        body_db: its gain.
        reverb_seconds: time in which the room's sound falls by 60 dB.
        reverb_db: level of the room's sound against the direct sound.
    """

    tuning_cents: float
    vibrato_hz: float
    vibrato_depth: float
    brightness_db: float
    body_hz: float
    body_db: float
    reverb_seconds: float
    reverb_db: float


#: A dark player in a hall, a neutral one in a studio, a bright one in a small room; a bright one, a
#: muffled one in a booth, one in a church.
TYPICAL: tuple[Timbre, ...] = (
    Timbre(-18, 4.4, 1.3, -8.0, 300, 18.0, 0.7, -18),
    Timbre(0, 5.3, 0.6, 0.0, 800, 18.0, 0.4, -22),
    Timbre(18, 6.3, 1.0, 8.0, 4500, 18.0, 0.2, -26),
    Timbre(-9, 5.8, 0.8, 6.0, 500, 18.0, 0.3, -24),
    Timbre(9, 4.8, 1.2, -10.0, 1300, 18.0, 0.15, -28),
    Timbre(27, 5.0, 0.9, -2.0, 2400, 18.0, 0.6, -20),
)


def timbre(player: int, random: np.random.Generator) -> Timbre:
    """The timbre of a player, counted from 0: the typical one with small changes by ``random``."""
    typical = TYPICAL[player]
    return Timbre(
        tuning_cents=typical.tuning_cents + random.uniform(-4, 4),
        vibrato_hz=typical.vibrato_hz + random.uniform(-0.2, 0.2),
        vibrato_depth=typical.vibrato_depth * random.uniform(0.9, 1.1),
        brightness_db=typical.brightness_db + random.uniform(-0.3, 0.3),
        body_hz=typical.body_hz * 2 ** random.uniform(-0.15, 0.15),
        body_db=typical.body_db,
        reverb_seconds=typical.reverb_seconds * random.uniform(0.9, 1.1),
        reverb_db=typical.reverb_db + random.uniform(-1, 1),
    )
