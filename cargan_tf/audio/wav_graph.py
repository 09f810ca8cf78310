"""WAV files to clips as TensorFlow ops, with their input checks, for the exported model.

Band-limited interpolation (J. O. Smith, "Digital Audio Resampling"): each sample wanted is a sum of
the given ones under a sinc, low enough for both rates, in a Kaiser window. The weights are computed
in the graph, so any two rates will do and the exported model carries no tables.
"""

from __future__ import annotations

import math
from typing import Final

import tensorflow as tf

from cargan_tf.config import AudioConfig
from cargan_tf.config.sections import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE

ZERO_CROSSINGS: Final = 64
KAISER_BETA: Final = 10.06
ROLL_OFF: Final = 0.95


def assert_in_graph(value: tf.Tensor, condition: tf.Tensor, message: str | tf.Tensor) -> tf.Tensor:
    """``value`` if ``condition`` holds; call it in a ``tf.function``.

    Operations on the result wait for the check, so the client sees this message and not a later
    operation's.

    Args:
        value: any tensor.
        condition: scalar bool.
        message: what was received and what was expected. TensorFlow escapes quotes in it.

    Raises:
        InvalidArgumentError: at run time, if ``condition`` does not hold.
    """
    with tf.control_dependencies([tf.debugging.Assert(condition, [message])]):
        return tf.identity(value)


"""Of the sinc on either side: the filter falls within a tenth of the band (Kaiser's formula)."""

"""Stop band at -100 dB (Kaiser's formula), below the last bit of the 16-bit sound that comes in."""

"""Cut-off as a fraction of half the lower rate: the middle of the filter's slope."""


def resample(samples: tf.Tensor, rate: tf.Tensor, target_rate: int, count: int) -> tf.Tensor:
    """The first ``count`` samples of a sound at another rate.

    Args:
        samples: [samples] float32; silence is assumed before and after.
        rate: scalar int32, Hz of ``samples``.
        target_rate: Hz wanted.
        count: samples wanted.

    Returns:
        [count] float32.
    """
    scale = ROLL_OFF * tf.minimum(1.0, target_rate / tf.cast(rate, tf.float32))
    reach = tf.cast(tf.math.ceil(ZERO_CROSSINGS / scale), tf.int64)  # input samples on each side
    # Output n stands at n * rate / target_rate of the input: its whole part, and what is left.
    position = tf.range(count, dtype=tf.int64) * tf.cast(rate, tf.int64)
    whole, rest = position // target_rate, position % target_rate
    after = tf.cast(rest, tf.float32) / target_rate
    steps = tf.range(1 - reach, reach + 1)
    distance = tf.cast(steps, tf.float32) - after[:, None]  # [count, 2 reach] input samples
    weights = scale * _windowed_sinc(scale * distance)
    padded = tf.pad(samples, [[reach, reach]])
    last = tf.size(padded, tf.int64) - 1  # silence, as the padding is
    windows = tf.gather(padded, tf.minimum(whole[:, None] + steps + reach, last))
    return tf.reduce_sum(weights * windows, axis=1)


def _windowed_sinc(crossings: tf.Tensor) -> tf.Tensor:
    """A sinc in its Kaiser window, at a position in zero crossings."""
    angle = math.pi * crossings
    sinc = tf.math.divide_no_nan(tf.sin(angle), angle) + tf.cast(tf.equal(angle, 0.0), tf.float32)
    inside = tf.maximum(0.0, 1.0 - tf.square(crossings / ZERO_CROSSINGS))
    window = tf.math.bessel_i0(KAISER_BETA * tf.sqrt(inside))
    return sinc * window / tf.math.bessel_i0(KAISER_BETA)


def clips_of_wavs(wav_bytes: tf.Tensor, audio: AudioConfig) -> tf.Tensor:
    """The beginning of each WAV file, mono at the model's rate.

    Args:
        wav_bytes: [B] string, whole files of 16-bit PCM, any number of channels (their mean is
            heard), at a rate that a model may have.
        audio: rate and length of a clip.

    Returns:
        [B, clip_samples] float32, full scale at ±1; silence follows a shorter sound.

    Raises:
        InvalidArgumentError: when run, a file of another kind, without samples, or of another
            rate.
    """
    return tf.map_fn(
        lambda contents: _clip(contents, audio),
        wav_bytes,
        fn_output_signature=tf.TensorSpec([audio.clip_samples], tf.float32),
    )


def _clip(contents: tf.Tensor, audio: AudioConfig) -> tf.Tensor:
    # \C is any byte: four of them are the file's length.
    head = tf.strings.regex_full_match(tf.strings.substr(contents, 0, 16), r"RIFF\C{4}WAVEfmt ")
    message = "no WAV file was received; expected one of 16-bit PCM"
    # The operation's own errors name any other encoding.
    samples, rate = tf.audio.decode_wav(
        assert_in_graph(contents, head, message)
    )  # [samples, channels]
    message = tf.strings.format(
        f"a WAV file of {{}} Hz was received; expected {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz,"
        f" best {audio.sample_rate} Hz",
        rate,
    )
    rate = assert_in_graph(rate, (rate >= MIN_SAMPLE_RATE) & (rate <= MAX_SAMPLE_RATE), message)
    message = "a WAV file without samples was received; expected a recording"
    samples = assert_in_graph(samples, tf.size(samples) > 0, message)
    # Of a long file only what the clip needs is mixed: its length, and the filter's reach beyond.
    seconds = audio.clip_seconds + 2 * ZERO_CROSSINGS / min(MIN_SAMPLE_RATE, audio.sample_rate)
    needed = tf.cast(tf.math.ceil(seconds * tf.cast(rate, tf.float32)), tf.int32)
    mono = tf.reduce_mean(samples[:needed], axis=1)
    clip = tf.cond(
        tf.equal(rate, audio.sample_rate),
        lambda: _of_length(mono, audio.clip_samples),
        lambda: resample(mono, rate, audio.sample_rate, audio.clip_samples),
    )
    return tf.ensure_shape(clip, [audio.clip_samples])


def _of_length(mono: tf.Tensor, count: int) -> tf.Tensor:
    return tf.pad(mono[:count], [[0, tf.maximum(0, count - tf.size(mono))]])
