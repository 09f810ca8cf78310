import io

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


def wav(samples, rate=8_000, subtype="PCM_16"):
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, subtype, format="WAV")
    return stream.getvalue()


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
        (wav(tone())[:20], "Data too short"),
        (wav(tone(), subtype="PCM_24"), "Can only read 16-bit WAV files, but received 24"),
        (wav(tone(), subtype="FLOAT"), "Expected 1 (PCM)"),
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
