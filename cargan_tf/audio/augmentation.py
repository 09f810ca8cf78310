"""Augmentation of waveforms (rooms, microphones, band limits, noise, codecs) and of log-mels
(SpecAugment, Park et al. 2019).

Waveforms are augmented in NumPy, one clip at a time, from a random generator that the caller seeds:
the result depends on nothing else, so training resumes exactly. SpecAugment masks mel bands and
frames with tensorflow-io's ops, which are loaded when it is used.
"""

from __future__ import annotations

import io
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from cargan_tf.audio.clips import root_mean_square
from cargan_tf.config.sections import AugmentationConfig
from cargan_tf.errors import UserError
from cargan_tf.utils.arrays import FloatArray

if TYPE_CHECKING:
    import tensorflow as tf

#: Each effect is applied to this fraction of the augmented clips, so that many have one or two.
EFFECT_FRACTION: Final = 0.6
#: Reverberation: level of the tail relative to the direct sound, dB.
REVERB_DB: Final = (-25.0, 0.0)
#: Lowest frequency of the random response, and knots per octave.
LOWEST_HZ: Final = 40.0
#: dB an octave beyond a band limit.
CUTOFF_SLOPE_DB: Final = 60.0
#: Lower band limits, Hz: small loudspeakers and telephones.
LOW_CUTOFF_HZ: Final = (40.0, 300.0)
QUIETEST_NOISE_DB: Final = -60.0
MAINS_HZ: Final = (50.0, 60.0)
#: Bit rates in kbit/s, the sample rates that a codec takes, and its container and encoder.
BIT_RATES: Final = (24, 32, 48, 64, 96)
CODECS: Final = {
    "mp3": ("mp3", "libmp3lame", (44_100, 22_050, 16_000)),
    "opus": ("ogg", "libopus", (48_000, 24_000, 16_000)),
    "aac": ("adts", "aac", (44_100, 22_050, 16_000)),
}
_SILENCE: Final = 1e-7


def augment(
    samples: FloatArray, rate: int, settings: AugmentationConfig, random: np.random.Generator
) -> FloatArray:
    """A clip as another recording of the same notes might have it.

    Args:
        samples: [N], full scale at ±1.
        rate: Hz.
        settings: strengths; the fractions of clips are the caller's matter.
        random: everything random comes from it.

    Returns:
        [N] with the loudness (RMS) of ``samples``; it may exceed ±1.
    """
    loudness = root_mean_square(samples)
    if loudness < _SILENCE:
        return samples
    sound = samples.astype(np.float64)
    if settings.detune_cents:
        sound = detune(sound, random.uniform(-1, 1) * settings.detune_cents)
    if random.random() < settings.envelope:
        sound = shorten(sound, random)
    sound = _through_room_and_devices(sound, rate, settings, random)
    if random.random() < settings.clipping:
        limit = random.uniform(0.2, 0.8) * np.abs(sound).max()
        sound = np.clip(sound, -limit, limit)
    if settings.noise_db > -100 and random.random() < EFFECT_FRACTION:
        sound = add_noise(sound, rate, settings.noise_db, random)
    codecs = settings.codecs
    if codecs and random.random() < settings.codec_fraction:
        codec = codecs[int(random.integers(len(codecs)))]
        bit_rate = 1_000 * int(random.choice(BIT_RATES))
        sound = through_codec(sound.astype(np.float32), rate, codec, bit_rate).astype(np.float64)
    sound *= loudness / max(root_mean_square(sound.astype(np.float32)), _SILENCE)
    return sound.astype(np.float32)


def detune(sound: np.ndarray, cents: float) -> np.ndarray:
    """[N] at a pitch higher by ``cents``, by linear interpolation; the end may be padded."""
    positions = np.arange(len(sound)) * 2 ** (cents / 1200)
    return np.interp(positions, np.arange(len(sound)), sound, right=0.0)


def shorten(sound: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """[N] that begins up to a third later, or whose note fades in or is released early."""
    count = len(sound)
    kind = random.integers(3)
    if kind == 0:
        late = int(random.uniform(0, 1 / 3) * count)
        return np.concatenate([np.zeros(late), sound[: count - late]])
    if kind == 1:
        return sound * np.minimum(1.0, np.arange(count) / (random.uniform(0.02, 0.5) * count))
    end = int(random.uniform(0.3, 0.9) * count)
    decay = np.exp(-np.arange(count - end) / (random.uniform(0.02, 0.3) * count))
    return np.concatenate([sound[:end], sound[end:] * decay])


def _through_room_and_devices(
    sound: np.ndarray, rate: int, settings: AugmentationConfig, random: np.random.Generator
) -> np.ndarray:
    """Reverberation, frequency response and band limits, in one pass through the spectrum."""
    count = len(sound)
    length = next_fast_len(2 * count, real=True)
    spectrum = rfft(sound, length)
    hz = np.fft.rfftfreq(length, 1 / rate)
    if settings.room_seconds and random.random() < EFFECT_FRACTION:
        spectrum = spectrum * rfft(
            room_response(count, rate, settings.room_seconds, random), length
        )
    decibels = np.zeros(len(hz))
    if settings.response_db and random.random() < EFFECT_FRACTION:
        octaves = np.log2(np.maximum(hz, LOWEST_HZ) / LOWEST_HZ)
        knots = np.arange(int(octaves[-1]) + 2)
        strength = random.uniform(0, 1) * settings.response_db
        decibels += np.interp(octaves, knots, random.normal(0, strength, len(knots)))
    if settings.lowest_cutoff_hz < rate / 2 and random.random() < EFFECT_FRACTION:
        cutoff = np.exp(random.uniform(np.log(settings.lowest_cutoff_hz), np.log(rate / 2)))
        decibels -= CUTOFF_SLOPE_DB * np.maximum(0, np.log2(np.maximum(hz, 1) / cutoff))
    if random.random() < EFFECT_FRACTION / 2:
        cutoff = np.exp(random.uniform(*np.log(LOW_CUTOFF_HZ)))
        decibels -= CUTOFF_SLOPE_DB / 2 * np.maximum(0, np.log2(cutoff / np.maximum(hz, 1)))
    changed: np.ndarray = irfft(spectrum * 10 ** (np.maximum(decibels, -90) / 20), length)[:count]
    return changed


def room_response(
    count: int, rate: int, longest_seconds: float, random: np.random.Generator
) -> np.ndarray:
    """[count]: the direct sound, then noise that falls by 60 dB within the reverberation time."""
    seconds = np.exp(random.uniform(np.log(0.05), np.log(max(longest_seconds, 0.06))))
    time = np.arange(count) / rate
    tail = random.standard_normal(count) * 10 ** (-3 * time / seconds)
    tail[0] = 0
    level = 10 ** (random.uniform(*REVERB_DB) / 20)
    response = tail * level / max(np.sqrt((tail**2).sum()), _SILENCE)
    response[0] = 1
    return response


def add_noise(
    sound: np.ndarray, rate: int, loudest_db: float, random: np.random.Generator
) -> np.ndarray:
    """[N] with colored noise, and with mains hum in one of four cases."""
    count = len(sound)
    loudness = np.sqrt(np.mean(sound**2))
    white = rfft(random.standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / rate), 50.0)
    noise = irfft(white * (hz / 1000) ** -random.uniform(0, 1), count)
    level = loudness * 10 ** (random.uniform(QUIETEST_NOISE_DB, loudest_db) / 20)
    noise *= level / max(np.sqrt(np.mean(noise**2)), _SILENCE)
    if random.random() < 0.25:
        base = MAINS_HZ[int(random.integers(2))]
        time = np.arange(count) / rate
        for harmonic in (1, 2, 3, 5):
            phase = random.uniform(0, 2 * np.pi)
            noise += level / harmonic * np.sin(2 * np.pi * base * harmonic * time + phase)
    return sound + noise


def through_codec(samples: FloatArray, rate: int, codec: str, bit_rate: int) -> FloatArray:
    """[N] encoded and decoded by PyAV, at the codec's next lower sample rate, aligned again.

    Args:
        samples: [N], full scale at ±1.
        rate: Hz.
        codec: a key of ``CODECS``.
        bit_rate: bits per second.
    """
    import av
    import soxr

    container_format, encoder, rates = CODECS[codec]
    coded_rate = next((one for one in rates if one <= rate), rates[-1])
    peak = max(float(np.abs(samples).max()), _SILENCE)
    wave = soxr.resample(0.9 / peak * samples, rate, coded_rate).astype(np.float32)
    content = io.BytesIO()
    with av.open(content, "w", format=container_format) as container:
        options: dict[str, Any] = {"rate": coded_rate, "layout": "mono", "bit_rate": bit_rate}
        stream: Any = container.add_stream(encoder, **options)
        frame = av.AudioFrame.from_ndarray(wave[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = coded_rate
        resampler = av.AudioResampler(stream.codec_context.format, "mono", coded_rate)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    content.seek(0)
    with av.open(content, "r") as coded:
        source = coded.streams.audio[0]
        to_float = av.AudioResampler("fltp", "mono", rate)
        frames = [part for frame in coded.decode(source) for part in to_float.resample(frame)]
        frames += to_float.resample(None)
        decoded = np.concatenate([part.to_ndarray()[0] for part in frames])
    return _aligned(decoded, samples) * (peak / 0.9)


def _aligned(decoded: FloatArray, original: FloatArray) -> FloatArray:
    """``decoded`` without the codec's delay, as long as ``original``."""
    count = len(original)
    length = next_fast_len(len(decoded) + count, real=True)
    correlation = irfft(rfft(decoded, length) * np.conj(rfft(original, length)), length)
    delay = int(np.argmax(correlation[: max(len(decoded) - count // 2, 1)]))
    cut = decoded[delay : delay + count]
    return np.pad(cut, (0, count - len(cut))).astype(np.float32)


def check_masks(freq_mask: int, time_mask: int, n_mels: int, frames: int) -> None:
    """Check that masks cannot hide a whole log-mel.

    Raises:
        UserError: a mask could hide all bands or all frames.
    """
    for name, mask, whole in (("freq_mask", freq_mask, n_mels), ("time_mask", time_mask, frames)):
        if mask >= whole:
            raise UserError(
                f"data.{name} = {mask} could hide all {whole} rows of the log-mel; choose less"
                f" than {whole}."
            )


def mask_stream(
    freq_mask: int, time_mask: int, n_mels: int, frames: int, *, seed: int, start: int = 0
) -> tf.data.Dataset:
    """An endless stream of masks, one per example: float32 [n_mels, frames], 0 where hidden.

    tensorflow-io draws from random state that advances with every call. The stream draws in
    order and independently of the data, so to begin at ``start`` it replays the draws before
    it (some 50 µs each) and nothing else: the masks after it are the same, bit for bit.

    Args:
        freq_mask: mel bands hidden at most; 0 hides none.
        time_mask: frames hidden at most; 0 hides none.
        n_mels: mel bands.
        frames: frames.
        seed: of the draws.
        start: number of masks to skip.
    """
    import tensorflow as tf

    tfio = _tensorflow_io()

    def draw(_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        tf.random.set_seed(seed)  # within a graph it seeds this graph's ops alone
        # tensorflow-io's order is time, then frequency. Its upper bound is exclusive: of N, it
        # hides 0 to N - 1.
        bands, times = tf.ones([1, n_mels]), tf.ones([frames, 1])
        if freq_mask:
            bands = tfio.audio.freq_mask(bands, freq_mask + 1)
        if time_mask:
            times = tfio.audio.time_mask(times, time_mask + 1)
        return bands, times

    def to_mask(bands: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.transpose(times * bands), [n_mels, frames])

    factors = tf.data.Dataset.counter().map(draw)  # serial: in the order of the draws
    return factors.skip(start).map(to_mask)


def _tensorflow_io() -> ModuleType:
    with warnings.catch_warnings():
        # tensorflow-io's compiled file systems and decoders do not load beside this TensorFlow; its
        # audio ops, all that is used here, are written in Python.
        warnings.filterwarnings("ignore", message="unable to load libtensorflow_io_plugins.so")
        warnings.filterwarnings("ignore", message="file system plugins are not loaded")
        import tensorflow_io
    return tensorflow_io
