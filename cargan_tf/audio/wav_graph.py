"""WAV files to the clips that a model hears, by stock TensorFlow ops."""

from __future__ import annotations

import tensorflow as tf

from cargan_tf.audio.resampling_graph import ZERO_CROSSINGS, resample
from cargan_tf.config import AudioConfig
from cargan_tf.config.material import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from cargan_tf.graph_checks import checked


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
    samples, rate = tf.audio.decode_wav(checked(contents, head, message))  # [samples, channels]
    message = tf.strings.format(
        f"a WAV file of {{}} Hz was received; expected {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz,"
        f" best {audio.sample_rate} Hz",
        rate,
    )
    rate = checked(rate, (rate >= MIN_SAMPLE_RATE) & (rate <= MAX_SAMPLE_RATE), message)
    message = "a WAV file without samples was received; expected a recording"
    samples = checked(samples, tf.size(samples) > 0, message)
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
