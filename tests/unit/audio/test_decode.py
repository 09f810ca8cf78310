"""Files of many formats to one mono waveform, and what is refused."""

from __future__ import annotations

import io
import os
import threading

import numpy as np
import pytest
import soundfile
from helpers.odd_sounds import write_without_times

from cargan_tf.audio import decode
from cargan_tf.audio.decode import read_audio, sounding_track
from cargan_tf.audio.mixdown import to_mono_at_rate
from cargan_tf.errors import UserError


def tone(rate, seconds=0.5, frequency=440.0, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


def one_line(error):
    return "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [
        ("PCM_U8", 1 / 127),
        ("PCM_16", 1 / 32767),
        ("PCM_24", 1e-6),
        ("PCM_32", 1e-7),
        ("FLOAT", 1e-7),
        ("DOUBLE", 1e-7),
    ],
)
def test_wav_of_every_width_is_read_as_it_was_written(tmp_path, subtype, tolerance):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(44_100), 44_100, subtype=subtype)
    samples = read_audio(path, 44_100)
    assert samples.dtype == np.float32
    assert samples.shape == (22_050,)
    np.testing.assert_allclose(samples, tone(44_100), atol=tolerance)


@pytest.mark.parametrize(("ending", "tolerance"), [("flac", 1e-4), ("ogg", 0.02), ("mp3", 0.02)])
@pytest.mark.parametrize("as_stream", [False, True])
def test_compressed_files_and_streams(tmp_path, ending, tolerance, as_stream):
    path = tmp_path / f"tone.{ending}"
    soundfile.write(path, tone(44_100), 44_100)
    samples = read_audio(io.BytesIO(path.read_bytes()) if as_stream else path, 44_100)
    middle = slice(4_000, 18_000)  # coders smear the ends
    np.testing.assert_allclose(samples[middle], tone(44_100)[middle], atol=tolerance)


@pytest.mark.parametrize("channels", [1, 2, 3, 6])
def test_channels_are_averaged(tmp_path, channels):
    path = tmp_path / "channels.wav"
    gains = np.arange(1, channels + 1) / channels
    soundfile.write(path, tone(22_050)[:, None] * gains, 22_050, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path, 22_050), tone(22_050) * gains.mean(), atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("sample_rate", [22_050, 44_100])
def test_any_rate_is_resampled_without_shift_or_gain(tmp_path, rate, sample_rate):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(rate), rate, subtype="FLOAT")
    samples = read_audio(path, sample_rate)
    assert abs(samples.size - round(rate * 0.5) * sample_rate / rate) <= 1
    middle = slice(sample_rate // 10, 4 * sample_rate // 10)
    np.testing.assert_allclose(samples[middle], tone(sample_rate)[middle], atol=1e-3)


def test_resampling_removes_what_the_new_rate_cannot_hold():
    high = to_mono_at_rate(tone(44_100, frequency=15_000).astype(np.float32), 44_100, 22_050)
    assert np.abs(high[1_000:-1_000]).max() < 1e-4


def test_equal_rates_leave_samples_untouched():
    waveform = tone(44_100).astype(np.float32)
    np.testing.assert_array_equal(to_mono_at_rate(waveform, 44_100, 44_100), waveform)


def test_a_file_longer_than_a_block_is_whole(tmp_path):
    path = tmp_path / "long.wav"
    samples = np.random.default_rng(0).uniform(-1, 1, (600_001, 2)).astype(np.float32)
    soundfile.write(path, samples, 8_000, subtype="FLOAT")
    np.testing.assert_array_equal(
        read_audio(path, 8_000), samples.mean(1, dtype=np.float64).astype(np.float32)
    )


def test_a_wav_cut_off_in_its_data_gives_what_is_left(tmp_path):
    path = tmp_path / "cut.wav"
    soundfile.write(path, tone(44_100), 44_100, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:20_044])
    assert read_audio(path, 44_100).size == 10_000


def test_a_pipe_is_read(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(8_000), 8_000, subtype="PCM_16")
    reader, writer = os.pipe()

    def feed():
        with os.fdopen(writer, "wb") as stream:
            stream.write(path.read_bytes())

    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(reader, "rb") as stream:
        samples = read_audio(stream, 8_000)
    feeder.join()
    assert samples.size == 4_000


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32])
def test_integer_pcm_in_memory_is_scaled(dtype):
    full_scale = 2.0 ** (8 * np.dtype(dtype).itemsize - 1)
    zero = full_scale if dtype is np.uint8 else 0
    pcm = np.round(tone(8_000) * full_scale + zero).astype(dtype)
    np.testing.assert_allclose(to_mono_at_rate(pcm, 8_000, 8_000), tone(8_000), atol=1 / full_scale)


def test_a_file_that_does_not_say_how_long_it_is(tmp_path):
    path = tmp_path / "piped.flac"
    soundfile.write(path, tone(8_000), 8_000)
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the count of samples is the last 36 bits of bytes 18 to 25
    content[22:26] = bytes(4)
    path.write_bytes(content)
    samples = read_audio(path, 8_000)
    np.testing.assert_allclose(samples[:4_000], tone(8_000), atol=1e-4)


@pytest.mark.parametrize("name", ["none.wav", "x" * 5_000])
def test_missing_file(tmp_path, name):
    with pytest.raises(UserError, match="does not exist") as error:
        read_audio(tmp_path / name, 44_100)
    assert one_line(error)


def test_folder(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        read_audio(tmp_path, 44_100)


@pytest.mark.parametrize("name", ["text.wav", "text.mp3", "text.flac", "text.raw", "text"])
@pytest.mark.parametrize("content", [b"", b"this is not sound\n" * 50, bytes(64), b"RIFF"])
def test_not_audio(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(
        UserError, match=r"text.*(cannot be read as sound|holds no samples|is empty)"
    ) as error:
        read_audio(path, 44_100)
    assert one_line(error)


def test_not_audio_from_a_stream():
    with pytest.raises(UserError, match="the sound received cannot be read as sound"):
        read_audio(io.BytesIO(b"no sound"), 44_100)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path):
    path = tmp_path / "secret.wav"
    soundfile.write(path, tone(8_000), 8_000)
    path.chmod(0)
    with pytest.raises(UserError, match="cannot be read"):
        read_audio(path, 8_000)


def test_zero_samples(tmp_path):
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), 44_100)
    with pytest.raises(UserError, match="holds no samples"):
        read_audio(path, 44_100)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path, bad):
    path = tmp_path / "nan.wav"
    samples = tone(8_000)
    samples[2_000] = bad
    soundfile.write(path, samples, 8_000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"NaN or infinite sample at 0\.250 s"):
        read_audio(path, 8_000)


def test_absurd_length_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "long.wav"
    soundfile.write(path, tone(8_000, seconds=2.0), 8_000)
    monkeypatch.setattr("cargan_tf.audio.mixdown.MAX_SECONDS", 1)
    monkeypatch.setattr(decode, "_blocks", lambda *_: pytest.fail("decoded"))
    with pytest.raises(UserError, match=r"lasts 2\.0 s; expected at most 1 s"):
        read_audio(path, 8_000)


@pytest.mark.parametrize(("rate", "channels"), [(100, 1), (1_000_000, 1), (44_100, 65)])
def test_absurd_rates_and_channels(tmp_path, rate, channels):
    path = tmp_path / "absurd.wav"
    soundfile.write(path, np.zeros((100, channels)), rate)
    with pytest.raises(UserError, match=r"has (a rate of|65 channels)"):
        read_audio(path, 44_100)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros((2, 100, 2)), "one recording at a time"),
        (np.zeros((2, 22_050)), "transpose it"),
        (np.zeros(0), "holds no samples"),
        (np.zeros((100, 0)), "0 channels"),
        (np.zeros(100, np.int64), "type int64"),
        (np.zeros(100, np.complex64), "type complex64"),
        (np.full(100, np.nan), "NaN or infinite"),
        (np.full(100, 1e300), "NaN or infinite"),
    ],
)
def test_waveforms_refused(waveform, message):
    with pytest.raises(UserError, match=message) as error:
        to_mono_at_rate(waveform, 44_100, 44_100)
    assert one_line(error)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    with pytest.raises(UserError, match=r"a\.wav is a pipe or a device; .* standard input"):
        read_audio(tmp_path / "a.wav", 8_000)


def test_a_link_in_a_circle_is_named(tmp_path):
    (tmp_path / "a.wav").symlink_to("a.wav")
    with pytest.raises(UserError, match=r"a\.wav leads nowhere"):
        read_audio(tmp_path / "a.wav", 8_000)


def test_a_name_that_is_no_utf8_is_opened(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.wav")
    soundfile.write(os.fsencode(path), tone(8_000), 8_000, format="WAV")
    assert len(read_audio(path, 8_000)) == 4_000


def test_no_more_of_a_pipe_is_taken_into_memory_than_is_read(monkeypatch):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    monkeypatch.setattr(decode, "MAX_STREAM_BYTES", 1 << 20)
    pipe = Pipe(bytes(5 << 20))
    with pytest.raises(UserError, match="more than 1 MB"):
        read_audio(pipe, 8_000)
    assert pipe.tell() <= (1 << 20) + 1


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_block_by_block_gives_what_is_resampled_at_once(tmp_path, monkeypatch, rate):
    import soxr

    samples = np.random.default_rng(0).uniform(-1, 1, 30_000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    monkeypatch.setattr(decode, "_BLOCK_FRAMES", 997)
    expected = samples if rate == 8_000 else soxr.resample(samples, rate, 8_000, quality="HQ")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", 8_000), expected)


def test_a_silent_track_is_decoded_once_for_all_pairs(tmp_path, monkeypatch):
    path = write_without_times(tmp_path / "a.mkv", 2)
    blocks, opened = decode.sound_blocks, []

    def counted(source, demuxer, name, track, options):
        opened.append(track)
        return blocks(source, demuxer, name, track, options)

    monkeypatch.setattr(decode, "sound_blocks", counted)
    assert [sounding_track(path) for _ in range(10)] == [0] * 10
    assert opened == [0, 1]
    write_without_times(path, 3)  # another file
    sounding_track(path)
    assert opened == [0, 1, 0, 1]


def test_a_silent_track_is_decoded_no_further_than_a_sound_may_last(tmp_path, monkeypatch):
    path = write_without_times(tmp_path / "a.mkv", 50)
    blocks, decoded = decode.sound_blocks, []

    def counted(*arguments):
        for block, rate in blocks(*arguments):
            decoded.append(len(block))
            yield block, rate

    monkeypatch.setattr(decode, "sound_blocks", counted)
    monkeypatch.setattr(decode, "MAX_FRAMES", 4 * 65_535)
    assert sounding_track(path) == 0
    assert sum(decoded) == 5 * 65_535
