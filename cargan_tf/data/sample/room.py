"""From dry notes to a recording: the player's instrument, the room and its noise floor."""

from __future__ import annotations

import numpy as np

from cargan_tf.data.sample.noise import coloured_noise, transform_length
from cargan_tf.data.sample.signature import Signature
from cargan_tf.data.sample.synthesiser import SAMPLE_RATE

#: Frequency at which brightness changes nothing.
PIVOT_HZ = 900.0
#: Octaves from the pivot beyond which brightness grows no further; the extremes stay quiet.
PIVOT_OCTAVES = 3.0
BODY_OCTAVES = 0.4
#: Highest sample written; 16-bit files end at 1.
PEAK = 0.97
#: Longest tail of the room that is computed.
TAIL_SECONDS = 1.0


def record(
    dry: np.ndarray,
    signature: Signature,
    room_random: np.random.Generator,
    noise_random: np.random.Generator,
) -> np.ndarray:
    """The recording of ``dry`` [samples]: coloured, with reverberation and noise, within ±1.

    Args:
        dry: float64 at ``SAMPLE_RATE``.
        signature: the player's.
        room_random: gives the room's echoes; the same for all recordings of a player.
        noise_random: gives the noise floor; another for every recording.
    """
    samples = len(dry)
    padded = transform_length(samples + round(TAIL_SECONDS * SAMPLE_RATE))
    frequencies = np.fft.rfftfreq(padded, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(dry, padded)
    spectrum *= 10 ** (colour_db(signature, frequencies) / 20)
    spectrum *= np.fft.rfft(_echoes(signature, room_random), padded)
    wet = np.fft.irfft(spectrum, padded)[:samples]
    wet *= np.sqrt((dry**2).mean() / (wet**2).mean())  # a colour must not make a player louder
    recording = wet + _floor(signature, samples, noise_random)
    return recording * min(1.0, PEAK / np.abs(recording).max())


def colour_db(signature: Signature, frequencies: np.ndarray) -> np.ndarray:
    """Gain in dB of the player's instrument at each of ``frequencies`` (Hz)."""
    audible = np.maximum(frequencies, 20.0)
    octaves = np.clip(np.log2(audible / PIVOT_HZ), -PIVOT_OCTAVES, PIVOT_OCTAVES)
    from_body = np.log2(audible / signature.body_hz) / BODY_OCTAVES
    return signature.brightness_db * octaves + signature.body_db * np.exp(-(from_body**2))


def _echoes(signature: Signature, random: np.random.Generator) -> np.ndarray:
    """The room's impulse response: the direct sound, then noise that dies away."""
    time = np.arange(round(TAIL_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    decay = 10 ** (-3 * time / signature.reverb_seconds)
    echoes = random.normal(size=len(time)) * decay
    echoes *= 10 ** (signature.reverb_db / 20) / np.sqrt((echoes**2).sum())
    echoes[0] = 1.0
    return echoes


def _floor(signature: Signature, samples: int, random: np.random.Generator) -> np.ndarray:
    """The noise floor at the signature's level and tilt, [samples]."""

    def gain(frequencies: np.ndarray) -> np.ndarray:
        octaves = np.log2(np.maximum(frequencies, 60.0) / PIVOT_HZ)
        return 10 ** (signature.floor_tilt_db * octaves / 20)

    level = 10 ** (signature.floor_db / 20)
    return level * coloured_noise(samples, SAMPLE_RATE, gain, random)
