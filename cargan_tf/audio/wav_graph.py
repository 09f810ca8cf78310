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

#: Of the sinc on either side: the filter falls within a tenth of the band (Kaiser's formula).
ZERO_CROSSINGS: Final = 64
#: Stop band at -100 dB (Kaiser's formula), below the last bit of the 16-bit sound that comes in.
KAISER_BETA: Final = 10.06
#: Cut-off as a fraction of half the lower rate: the middle of the filter's slope.
ROLL_OFF: Final = 0.95

#: Full scale of 16-bit samples.
_FULL_SCALE: Final = 32_768.0
#: Bytes of the RIFF header, and of each chunk's.
_RIFF_HEADER, _CHUNK_HEADER = 12, 8
#: Chunks read in search of the samples; writers put a dozen before them at most.
_MAX_CHUNKS: Final = 512
#: Sizes of a chunk whose length was unknown when its header was written: a pipe's.
_ALL_ONES: Final = 0xFFFF_FFFF
#: Format tags (Microsoft's mmreg.h); the second says that a GUID names the format.
_PCM, _EXTENSIBLE = 0x0001, 0xFFFE
#: What follows a format tag in the GUID of that format.
_GUID_TAIL: Final = bytes.fromhex("000000001000800000aa00389b71")
_FORMAT_NAMES: Final = {
    _PCM: "PCM",
    0x0002: "ADPCM",
    0x0003: "floating-point",
    0x0006: "A-law",
    0x0007: "mu-law",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0055: "MP3",
}
#: How other files begin: where, with what, and what they are.
_OTHER_FILES: Final = (
    (0, b"fLaC", "a FLAC file"),
    (0, b"OggS", "an Ogg file"),
    *((0, start, "an MP3 file") for start in (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    *((0, start, "an AAC file") for start in (b"\xff\xf1", b"\xff\xf9")),
    (4, b"ftyp", "an MP4 or M4A file"),
    (0, b"\x1a\x45\xdf\xa3", "a WebM or Matroska file"),
    (0, b"FORM", "an AIFF file"),
    (0, b".snd", "an AU file"),
    (0, b"caff", "a CAF file"),
    (0, b"#!AMR", "an AMR file"),
    (0, b"riff", "a Wave64 file"),
    (0, b"RIFX", "a big-endian WAV file"),
    (8, b"AVI ", "an AVI video"),
    (0, b"\x30\x26\xb2\x75", "a WMA file"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip file"),
    *((0, start, "base64 text; send the bytes it stands for") for start in (b"UklGR", b"data:")),
)


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
        wav_bytes: [B] string, files of 16-bit PCM, any number of channels (their mean is heard), at
            a rate that a model may have. RIFF, RF64 and BW64, with chunks in any order,
            WAVE_FORMAT_EXTENSIBLE, and sizes that a pipe left open: then all that follows is sound.
        audio: rate and length of a clip.

    Returns:
        [B, clip_samples] float32, full scale at ±1; silence follows a shorter sound.

    Raises:
        InvalidArgumentError: when run, a file of another kind, without samples, or of another
            rate; the message says what it is.
    """
    return tf.map_fn(
        lambda contents: _clip(contents, audio),
        wav_bytes,
        fn_output_signature=tf.TensorSpec([audio.clip_samples], tf.float32),
    )


def _clip(contents: tf.Tensor, audio: AudioConfig) -> tf.Tensor:
    fmt, data_at, data_bytes = _chunks(_check_riff(contents))
    channels, rate = _check_format(fmt)
    message = tf.strings.format(
        f"a WAV file of {{}} Hz was received; expected {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz,"
        f" best {audio.sample_rate} Hz",
        rate,
    )
    rate = assert_in_graph(rate, (rate >= MIN_SAMPLE_RATE) & (rate <= MAX_SAMPLE_RATE), message)
    # Of a long file only what the clip needs is read: its length, and the filter's reach beyond.
    seconds = audio.clip_seconds + 2 * ZERO_CROSSINGS / min(MIN_SAMPLE_RATE, audio.sample_rate)
    needed = tf.cast(tf.math.ceil(seconds * tf.cast(rate, tf.float32)), tf.int64)
    frame_bytes = 2 * channels
    frames = tf.minimum(data_bytes // frame_bytes, needed)
    message = "a WAV file without samples was received; expected a recording"
    frames = assert_in_graph(frames, frames > 0, message)
    sound = _bytes_at(contents, data_at, frames * frame_bytes)
    samples = tf.cast(tf.io.decode_raw(sound, tf.int16), tf.float32) / _FULL_SCALE
    mono = tf.reduce_mean(tf.reshape(samples, [frames, channels]), axis=1)
    clip = tf.cond(
        tf.equal(rate, audio.sample_rate),
        lambda: _of_length(mono, audio.clip_samples),
        lambda: resample(mono, rate, audio.sample_rate, audio.clip_samples),
    )
    return tf.ensure_shape(clip, [audio.clip_samples])


def _check_riff(contents: tf.Tensor) -> tf.Tensor:
    """The file, if it begins as WAV files do; else the message says how it begins."""
    head = _bytes_at(contents, 0, _RIFF_HEADER)
    # \C is any byte: four of them are the file's length.
    is_wav = tf.strings.regex_full_match(head, r"(RIFF|RF64|BW64)\C{4}WAVE")
    what = tf.where(tf.equal(head, b""), ": it is empty", "")
    for offset, start, name in _OTHER_FILES:
        matches = tf.equal(_bytes_at(head, offset, len(start)), start)
        what = tf.where(matches, f": this is {name}", what)
    message = tf.strings.join(["no WAV file was received; expected one of 16-bit PCM", what])
    return assert_in_graph(contents, is_wav, message)


def _chunks(contents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Read the chunks of a RIFF file up to the samples.

    Returns:
        The content of the chunk ``fmt ``, at most 40 bytes of it; where the samples begin; and how
        many bytes they take.
    """
    length = tf.cast(tf.strings.length(contents), tf.int64)

    def is_before_samples(
        position: tf.Tensor, count: tf.Tensor, name: tf.Tensor, *_: tf.Tensor
    ) -> tf.Tensor:
        more = (position + _CHUNK_HEADER <= length) & (count < _MAX_CHUNKS)
        return more & tf.not_equal(name, b"data")

    def next_chunk(
        position: tf.Tensor,
        count: tf.Tensor,
        name: tf.Tensor,
        size: tf.Tensor,
        fmt: tf.Tensor,
        size64: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        del name, size
        name = tf.strings.substr(contents, position, 4)
        size = _uint32(contents, position + 4)
        begin = position + _CHUNK_HEADER
        fmt = tf.where(
            tf.equal(name, b"fmt "), _bytes_at(contents, begin, tf.minimum(size, 40)), fmt
        )
        # RF64 has the samples' length, in 64 bits, as the second number of its first chunk.
        size64 = tf.where(tf.equal(name, b"ds64"), _uint32(contents, begin + 8), size64)
        end = begin + size
        # A chunk of odd size is followed by a zero, which some writers omit.
        is_padded = tf.equal(_bytes_at(contents, end, 1), b"\0") & tf.equal(size % 2, 1)
        after = tf.where(is_padded, end + 1, end)
        return tf.where(tf.equal(name, b"data"), begin, after), count + 1, name, size, fmt, size64

    zero = tf.constant(0, tf.int64)
    begin = tf.constant(_RIFF_HEADER, tf.int64)
    position, _, name, size, fmt, size64 = tf.while_loop(
        is_before_samples,
        next_chunk,
        (begin, tf.constant(0), tf.constant(b""), zero, tf.constant(b""), zero),
        parallel_iterations=1,
    )
    found = tf.equal(name, b"data")
    message = "a WAV file without samples was received; expected a recording"
    position = assert_in_graph(position, found, message)
    rest = length - position
    size = tf.where(tf.equal(size, _ALL_ONES) & (size64 > 0), size64, size)
    # No size: an empty sound, if the header was completed; else the file came from a pipe.
    completed = tf.abs(_uint32(contents, 4) + 8 - length) <= 1
    size = tf.where(tf.equal(size, 0) & ~completed, rest, size)
    return fmt, position, tf.minimum(size, rest)


def _check_format(fmt: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Channels, int64, and the rate in Hz, int32, of 16-bit PCM; else the message names it."""
    length = tf.strings.length(fmt)
    message = "a WAV file whose format is cut short or missing was received; expected 16-bit PCM"
    fmt = assert_in_graph(fmt, length >= 16, message)
    numbers = tf.cast(_uint8(fmt, 16), tf.int64)
    tag, channels, frame_bytes, bits = (
        numbers[at] + 256 * numbers[at + 1] for at in (0, 2, 12, 14)
    )
    rate = _uint32(fmt, 4)
    is_named = tf.equal(tag, _EXTENSIBLE) & tf.equal(_bytes_at(fmt, 26, 14), _GUID_TAIL)
    guid = tf.cast(_uint8(_bytes_at(fmt, 24, 2), 2), tf.int64)
    tag = tf.where(is_named, guid[0] + 256 * guid[1], tag)
    name = tf.strings.join(["format ", tf.strings.as_string(tag)])
    for known, text in _FORMAT_NAMES.items():
        name = tf.where(tf.equal(tag, known), text, name)
    message = tf.strings.join(
        [
            *("a WAV file of ", tf.strings.as_string(bits), "-bit ", name),
            " was received; expected 16-bit PCM",
        ]
    )
    channels = assert_in_graph(channels, tf.equal(tag, _PCM) & tf.equal(bits, 16), message)
    message = tf.strings.format(
        "a WAV file of {} channels in {} bytes was received; expected 2 bytes a channel",
        [channels, frame_bytes],
    )
    is_packed = (channels > 0) & tf.equal(frame_bytes, 2 * channels)
    channels = assert_in_graph(channels, is_packed, message)
    return channels, tf.cast(tf.minimum(rate, tf.int32.max), tf.int32)


def _bytes_at(contents: tf.Tensor, position: int | tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """Up to ``count`` bytes of a string; fewer, or none, at its end."""
    length = tf.cast(tf.strings.length(contents), tf.int64)
    begin = tf.minimum(tf.cast(position, tf.int64), length)
    return tf.strings.substr(contents, begin, tf.cast(count, tf.int64))


def _uint8(text: tf.Tensor, count: int) -> tf.Tensor:
    """The first ``count`` bytes of a string; zeros follow a shorter one."""
    padded = tf.strings.join([text, tf.constant(bytes(count))])
    return tf.io.decode_raw(tf.strings.substr(padded, 0, count), tf.uint8)


def _uint32(contents: tf.Tensor, position: int | tf.Tensor) -> tf.Tensor:
    """A little-endian number of 32 bits, as int64."""
    numbers = tf.cast(_uint8(_bytes_at(contents, position, 4), 4), tf.int64)
    return tf.reduce_sum(numbers * tf.constant([1, 1 << 8, 1 << 16, 1 << 24], tf.int64))


def _of_length(mono: tf.Tensor, count: int) -> tf.Tensor:
    return tf.pad(mono[:count], [[0, tf.maximum(0, count - tf.size(mono))]])
