"""What each of the 13 instruments sounds like, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """One instrument's range and the shape of its tone.

    Attributes:
        lowest: MIDI key of the lowest note played; written ranges, not the extremes.
        span: semitones from the lowest to the highest note.
        program: General MIDI program, counted from 0.
        rolloff_db: dB an octave by which the harmonics weaken at medium loudness.
        even_db: dB added to the even harmonics; the clarinet's closed tube nearly lacks them.
        formant_hz: centre of the body's or the tube's main resonance.
        formant_octaves: half-width of that resonance.
        breath: level of bow or air noise against the tone.
        attack_seconds: time from silence to the full tone.
        vibrato_cents: swing of the pitch to either side.
    """

    lowest: int
    span: int
    program: int
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
# fundamental and much air, the strings a slow attack and a wide vibrato.
INSTRUMENTS: dict[str, Instrument] = {
    "bassoon": Instrument(36, 30, 70, 4.0, 0.0, 500, 0.6, 0.020, 0.03, 8),
    "cello": Instrument(38, 28, 42, 7.0, 0.0, 700, 1.2, 0.030, 0.08, 20),
    "clarinet": Instrument(52, 30, 71, 6.0, -22.0, 1600, 1.6, 0.012, 0.03, 0),
    "double_bass": Instrument(28, 26, 43, 7.0, 0.0, 300, 1.2, 0.040, 0.09, 8),
    "flute": Instrument(61, 29, 73, 12.0, -4.0, 900, 1.5, 0.090, 0.06, 20),
    "horn": Instrument(43, 28, 60, 8.0, 0.0, 420, 1.0, 0.012, 0.05, 0),
    "oboe": Instrument(59, 26, 68, 2.5, 0.0, 1150, 0.6, 0.015, 0.03, 12),
    "sax": Instrument(50, 28, 65, 4.0, 0.0, 900, 1.5, 0.040, 0.03, 15),
    "trombone": Instrument(41, 27, 57, 4.0, 0.0, 600, 1.3, 0.012, 0.04, 5),
    "trumpet": Instrument(55, 26, 56, 3.0, 0.0, 1400, 1.3, 0.010, 0.03, 6),
    "tuba": Instrument(29, 26, 58, 7.5, 0.0, 220, 1.0, 0.015, 0.06, 0),
    "viola": Instrument(48, 28, 41, 6.5, 0.0, 1100, 1.1, 0.030, 0.07, 20),
    "violin": Instrument(55, 31, 40, 5.5, 0.0, 2800, 1.2, 0.030, 0.06, 25),
}
