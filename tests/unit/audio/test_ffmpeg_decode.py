"""Sounds that libsndfile does not read, and files that are not what they are called."""

from __future__ import annotations

import io
import struct
import zipfile

import av
import numpy as np
import pytest
import soundfile

from cargan_tf.audio.decode import read_audio
from cargan_tf.errors import UserError

RATE = 48_000


def tone(seconds=1.0, frequency=440.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(RATE * seconds)) / RATE)


def write(path, container_format, codec, with_video=False):
    """One second of A4 by FFmpeg."""
    with av.open(str(path), "w", format=container_format) as container:
        if with_video:
            video = container.add_stream("mpeg4", rate=5)
            video.width = video.height = 32
            video.pix_fmt = "yuv420p"
        sound = container.add_stream(codec, rate=RATE, layout="mono", bit_rate=96_000)
        if with_video:
            for _ in range(5):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                container.mux(video.encode(picture))
            container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(tone().astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(sound.codec_context.format, "mono", RATE)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


def pitch(samples, rate):
    middle = samples[len(samples) // 4 : 3 * len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return np.argmax(spectrum) * rate / len(middle)


KINDS = {
    "a.m4a": ("ipod", "aac", False),
    "a.aac": ("adts", "aac", False),
    "a.webm": ("webm", "libopus", False),
    "a.mka": ("matroska", "aac", False),
    "a.wma": ("asf", "wmav2", False),
    "clip.mp4": ("mp4", "aac", True),
    "clip.mkv": ("matroska", "aac", True),
    "clip.avi": ("avi", "libmp3lame", True),
    "clip.ts": ("mpegts", "aac", True),
}


@pytest.mark.parametrize("name", KINDS)
def test_common_containers_are_read(tmp_path, name):
    samples = read_audio(write(tmp_path / name, *KINDS[name]), 22_050)
    assert samples.dtype == np.float32
    assert 0.95 < len(samples) / 22_050 < 1.15
    assert pitch(samples, 22_050) == pytest.approx(440, abs=3)
    assert np.abs(samples[5_000:15_000]).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("named", ["a.mp3", "a.wav", "a.flac", "noending"])
def test_the_content_decides_and_not_the_name(tmp_path, named):
    path = write(tmp_path / "a.m4a", *KINDS["a.m4a"]).rename(tmp_path / named)
    assert pitch(read_audio(path, 16_000), 16_000) == pytest.approx(440, abs=3)
    assert pitch(read_audio(io.BytesIO(path.read_bytes()), 16_000), 16_000) == pytest.approx(
        440, abs=3
    )


def test_a_zip_called_mp3_is_refused(tmp_path, capfd):
    path = tmp_path / "song.mp3"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", np.random.default_rng(0).bytes(300_000))
    with pytest.raises(UserError, match=r"song\.mp3"):
        read_audio(path, 22_050)
    assert len(capfd.readouterr().err.splitlines()) < 5


@pytest.mark.parametrize("text", ["#EXTM3U\n/etc/passwd\n", "ffconcat version 1.0\nfile a.wav\n"])
def test_playlists_are_not_followed(tmp_path, text):
    soundfile.write(tmp_path / "a.wav", tone(), RATE)
    path = tmp_path / "list.m4a"
    path.write_text(text)
    with pytest.raises(UserError, match="cannot be read as sound"):
        read_audio(path, 22_050)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_is_read_to_its_end(tmp_path, size):
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    data = content.index(b"data")
    content[4:8] = content[data + 4 : data + 8] = struct.pack("<I", size)
    path.write_bytes(content)
    samples = read_audio(path, RATE)
    assert len(samples) == pytest.approx(RATE, abs=2)
    np.testing.assert_allclose(samples[:40_000], tone()[:40_000], atol=1e-3)


def test_an_mp3_whose_header_says_too_little_is_read_to_its_end(tmp_path):
    path = tmp_path / "a.mp3"
    soundfile.write(path, np.tile(tone(), 20), RATE)
    content = bytearray(path.read_bytes())
    tag = max(content.find(b"Xing"), content.find(b"Info"))
    assert tag > 0
    content[tag + 8 : tag + 12] = struct.pack(">I", 3)  # frames
    path.write_bytes(content)
    assert len(read_audio(path, 22_050)) / 22_050 == pytest.approx(20, abs=0.5)


def test_a_video_without_sound_is_one_line(tmp_path):
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=5)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        container.mux(video.encode(picture))
        container.mux(video.encode(None))
    with pytest.raises(UserError, match="holds no sound"):
        read_audio(path, 22_050)


def test_a_file_cut_off_gives_what_is_left(tmp_path):
    path = write(tmp_path / "a.aac", *KINDS["a.aac"])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    samples = read_audio(path, 22_050)
    assert 0.3 < len(samples) / 22_050 < 0.7
