import base64
import io
import struct

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from cargan_tf.audio.wav_graph import clips_of_wavs
from cargan_tf.config import AudioConfig

AUDIO = AudioConfig(sample_rate=8_000, n_fft=256)
CLIP = 4_000


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def decoded(wav_bytes):
    return clips_of_wavs(wav_bytes, AUDIO)


def clips(*wavs):
    return decoded(tf.constant(wavs)).numpy()


def wav(samples, rate=8_000, subtype="PCM_16", container="WAV", endian=None):
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, subtype, endian, container)
    return stream.getvalue()


def chunk(name, content, size=None, pad=b"\0"):
    size = len(content) if size is None else size
    return name + struct.pack("<I", size) + content + pad[: len(content) % 2]


def riff(*chunks, name=b"RIFF", size=None):
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(body) if size is None else size) + body


def fmt(tag=1, channels=1, rate=8_000, bits=16, more=b""):
    frame = channels * bits // 8
    packed = struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)
    return chunk(b"fmt ", packed + more)


def extensible(guid_tag=1, bits=16, guid="00001000800000aa00389b71", **fields):
    more = struct.pack("<HHI", 22, bits, 0) + struct.pack("<I", guid_tag) + bytes.fromhex(guid)
    return fmt(0xFFFE, bits=bits, more=more, **fields)


def tone(rate=8_000, seconds=0.5, frequency=440):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


def test_samples_are_soundfiles():
    content = wav(tone())
    expected, _ = soundfile.read(io.BytesIO(content), dtype="float32")
    np.testing.assert_array_equal(clips(content), expected[None])


def test_channels_are_averaged():
    both = np.stack([tone(), np.zeros(CLIP), -tone(frequency=300)], 1)
    expected = (tone() - tone(frequency=300)) / 3
    np.testing.assert_allclose(clips(wav(both))[0], expected, atol=2e-5)  # 16 bits


def test_another_rate_is_converted():
    got = clips(wav(tone(44_100, seconds=1), 44_100))[0]
    np.testing.assert_allclose(got[400:], tone()[400:], atol=5e-5)


def test_of_a_long_file_the_first_half_second_counts():
    for rate in (8_000, 44_100):
        long = np.concatenate([tone(rate, seconds=1), np.random.default_rng(0).normal(size=rate)])
        start = clips(wav(long[:rate], rate))
        np.testing.assert_array_equal(clips(wav(long, rate)), start)


def test_silence_follows_a_short_file():
    got = clips(wav(tone(seconds=0.2)))[0]
    assert np.abs(got[:1_600]).max() > 0.4
    np.testing.assert_array_equal(got[1_600:], 0)


def test_files_of_all_kinds_in_one_batch():
    files = [wav(tone(seconds=2)), wav(tone(22_050), 22_050), wav(np.zeros((9, 2)), 48_000)]
    together = clips(*files)
    assert together.shape == (3, CLIP)
    for file, clip in zip(files, together, strict=True):
        np.testing.assert_array_equal(clips(file)[0], clip)


def with_rate(rate):
    content = bytearray(wav(tone()))
    content[24:28] = rate.to_bytes(4, "little")
    content[28:32] = (2 * rate).to_bytes(4, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + bytes(500), "no WAV file was received; expected one of 16-bit PCM"),
        (b"", "no WAV file was received"),
        (b"RIFF" + bytes(500), "no WAV file was received"),
        (wav(tone())[:20], "without samples was received"),
        (wav(tone(), subtype="PCM_U8"), "of 8-bit PCM was received; expected 16-bit PCM"),
        (wav(tone(), subtype="PCM_24"), "of 24-bit PCM was received; expected 16-bit PCM"),
        (wav(tone(), subtype="FLOAT"), "of 32-bit floating-point was received"),
        (wav(tone(), subtype="ULAW"), "of 8-bit mu-law was received"),
        (wav(tone(), subtype="IMA_ADPCM"), "of 4-bit IMA ADPCM was received"),
        (wav(tone(), container="AIFF"), "this is an AIFF file"),
        (wav(tone(), container="FLAC"), "this is a FLAC file"),
        (wav(tone(), container="OGG", subtype="VORBIS"), "this is an Ogg file"),
        (wav(tone(), endian="BIG"), "this is a big-endian WAV file"),
        (b"ID3\x04" + bytes(500), "this is an MP3 file"),
        (b"\xff\xfb\x90\x00" + bytes(500), "this is an MP3 file"),
        (b"\0\0\0\x20ftypM4A " + bytes(500), "this is an MP4 or M4A file"),
        (b"\x1a\x45\xdf\xa3" + bytes(500), "this is a WebM or Matroska file"),
        (base64.b64encode(wav(tone())), "this is base64 text"),
        (b"", "it is empty"),
        (wav(np.zeros(0)), "without samples was received"),
        (with_rate(500), "of 500 Hz was received; expected 4000 to 192000 Hz, best 8000 Hz"),
        (with_rate(0), "of 0 Hz was received"),
        (with_rate(200_000), "of 200000 Hz was received"),
    ],
)
def test_another_file_is_refused(content, said):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        clips(wav(tone()), content)
    assert said in str(caught.value)


def in_16_bits(sound):
    return np.round(sound * 32_767).astype("<i2")


SAMPLES = in_16_bits(tone())
DATA = SAMPLES.tobytes()
BEHIND = chunk(b"LIST", b"INFOISFT" + bytes(70))
DS64 = struct.pack("<QQQI", 0, len(DATA), CLIP, 0)


@pytest.mark.parametrize(
    "content",
    [
        riff(extensible(), chunk(b"data", DATA)),
        riff(fmt(more=b"\0\0"), chunk(b"data", DATA)),
        riff(chunk(b"JUNK", bytes(28)), fmt(), chunk(b"data", DATA)),
        riff(chunk(b"bext", bytes(602)), chunk(b"JUNK", bytes(4)), fmt(), chunk(b"data", DATA)),
        riff(fmt(), chunk(b"LIST", b"INFOa"), chunk(b"data", DATA)),
        riff(fmt(), chunk(b"LIST", b"INFOa", pad=b""), chunk(b"data", DATA)),
        riff(chunk(b"iXML", b"<x/>!"), fmt(), chunk(b"fact", bytes(4)), chunk(b"data", DATA)),
        riff(fmt(), chunk(b"data", DATA), BEHIND),
        riff(fmt(), chunk(b"data", DATA, 0), size=0),
        riff(fmt(), chunk(b"data", DATA, 0), size=36),
        riff(fmt(), chunk(b"data", DATA, 0xFFFF_FFFF), size=0xFFFF_FFFF),
        riff(fmt(), chunk(b"LIST", b"INFOISFT" + bytes(26)), chunk(b"data", DATA, 0xFFFF_FFFF)),
        riff(fmt(), chunk(b"data", DATA, 0x7FFF_FFDC), size=0x7FFF_FFFF),
        riff(fmt(), chunk(b"data", DATA, 0x8000_0000), size=0),
        riff(
            *(chunk(b"ds64", DS64), fmt(), chunk(b"data", DATA, 0xFFFF_FFFF), BEHIND),
            name=b"RF64",
            size=0xFFFF_FFFF,
        ),
        riff(chunk(b"ds64", DS64), fmt(), chunk(b"data", DATA), name=b"BW64"),
        riff(fmt(), chunk(b"data", DATA + b"\x7f")),
    ],
)
def test_whatever_writers_of_16_bit_pcm_make_is_read(content):
    np.testing.assert_array_equal(clips(content)[0], SAMPLES / np.float32(32_768))


def test_extensible_stereo_is_averaged():
    both = in_16_bits(np.stack([tone(), 0.5 * tone()], 1))
    got = clips(riff(extensible(channels=2), chunk(b"data", both.tobytes())))[0]
    np.testing.assert_allclose(got, 0.75 * tone(), atol=5e-5)


def test_a_file_cut_off_in_its_data_is_read_as_far_as_it_goes():
    got = clips(riff(fmt(), chunk(b"data", DATA))[: 44 + 2_001])[0]  # 1,000 samples and a byte
    np.testing.assert_array_equal(got[:1_000], SAMPLES[:1_000] / np.float32(32_768))
    np.testing.assert_array_equal(got[1_000:], 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (riff(extensible(3, 32), chunk(b"data", DATA)), "of 32-bit floating-point was received"),
        (riff(extensible(1, 24), chunk(b"data", DATA)), "of 24-bit PCM was received"),
        # Ambisonic B-format: its channels are no copies of one sound.
        (
            riff(extensible(guid="2107d3118644c8c1ca000000"), chunk(b"data", DATA)),
            "of 16-bit format 65534 was received",
        ),
        (riff(fmt(0x55, bits=0), chunk(b"data", DATA)), "of 0-bit MP3 was received"),
        (riff(fmt(channels=0), chunk(b"data", DATA)), "0 channels in 0 bytes"),
        (riff(fmt(), chunk(b"data", b"")), "without samples was received"),
        (riff(fmt(), chunk(b"data", b""), BEHIND), "without samples was received"),
        (riff(fmt(), chunk(b"data", b"", 0xFFFF_FFFF), size=0), "without samples was received"),
        (riff(fmt(), BEHIND), "without samples was received"),
        (riff(chunk(b"data", DATA)), "format is cut short or missing"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), chunk(b"data", DATA)), "format is cut short"),
        (riff(*[chunk(b"JUNK", b"")] * 600, fmt(), chunk(b"data", DATA)), "without samples"),
    ],
)
def test_other_wav_files_are_refused_by_what_they_are(content, said):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        clips(content)
    assert said in str(caught.value)


@pytest.mark.parametrize("position", range(0, 60, 3))
def test_a_damaged_header_is_refused_or_read(position):
    content = bytearray(wav(tone()))
    content[position] ^= 0xFF
    try:
        got = clips(bytes(content))
    except tf.errors.InvalidArgumentError:
        return
    assert got.shape == (1, CLIP)
    assert np.isfinite(got).all()
