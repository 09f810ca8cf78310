"""Sounds that libsndfile does not read, and files that are not what they are called."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile

import av
import numpy as np
import pytest
import soundfile

from cargan_tf.audio.decode import decode_file, read_audio
from cargan_tf.audio.ffmpeg_decode import FloatFrames, SeekableStream
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
                image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                container.mux(video.encode(image))
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
        image = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        container.mux(video.encode(image))
        container.mux(video.encode(None))
    with pytest.raises(UserError, match="holds no sound"):
        read_audio(path, 22_050)


def test_a_file_cut_off_gives_what_is_left(tmp_path):
    path = write(tmp_path / "a.aac", *KINDS["a.aac"])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    samples = read_audio(path, 22_050)
    assert 0.3 < len(samples) / 22_050 < 0.7


#: Kinds that FFmpeg writes: container, codec, and the ending that users know.
MORE_KINDS = {
    "a.tta": ("tta", "tta"),
    "a.ac3": ("ac3", "ac3"),
    "a.eac3": ("eac3", "eac3"),
    "a.wv": ("wv", "wavpack"),
    "a.flv": ("flv", "aac"),
    "a.mov": ("mov", "alac"),
    "a.3gp": ("3gp", "aac"),
    "a.caf": ("caf", "pcm_s16le"),
    "a.mp2": ("mp2", "mp2"),
    "ac3.wav": ("wav", "ac3"),
    "yamaha.wav": ("wav", "adpcm_yamaha"),
    "ima.wav": ("wav", "adpcm_ima_wav"),
    "alaw.w64": ("w64", "pcm_alaw"),
}


@pytest.mark.parametrize("name", MORE_KINDS)
def test_codecs_that_libsndfile_lacks_are_read_in_its_containers_too(tmp_path, name):
    samples = read_audio(write(tmp_path / name, *MORE_KINDS[name]), 22_050)
    assert 0.95 < len(samples) / 22_050 < 1.15
    assert pitch(samples, 22_050) == pytest.approx(440, abs=3)
    assert np.abs(samples[5_000:15_000]).max() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("name", ["a.gsm", "a.vox", "a.raw", "a.al", "a.ul", "a.mp3", "a.sds"])
def test_bytes_of_no_format_are_refused_whatever_their_name(tmp_path, name):
    """libsndfile takes some endings for a format without a header."""
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(3).integers(0, 256, 40_000, np.uint8).tobytes())
    with pytest.raises(UserError, match=r"expected a (wav|sound file)") as error:
        read_audio(path, 22_050)
    assert "\n" not in str(error.value)


def id3(content, size):
    """An ID3v2 tag of zeros before the content."""
    return b"ID3\4\0\0" + bytes([0, 0, size >> 7, size & 0x7F]) + bytes(size) + content


@pytest.mark.parametrize("name", ["a.aac", "a.mp3", "a.flac", "a.wav"])
def test_tags_before_the_sound_are_passed_over(tmp_path, name):
    if name == "a.aac":
        content = write(tmp_path / name, *KINDS[name]).read_bytes()
    else:
        soundfile.write(tmp_path / name, tone(), RATE)
        content = (tmp_path / name).read_bytes()
    tagged = tmp_path / f"tagged-{name}"
    tagged.write_bytes(id3(id3(content, 900), 300))
    samples = read_audio(tagged, 22_050)
    assert pitch(samples, 22_050) == pytest.approx(440, abs=3)
    assert len(samples) / 22_050 > 0.95


@pytest.mark.parametrize("inside", ["mp3", "zip", "noise"])
def test_a_tag_does_not_make_an_mp3(tmp_path, inside):
    """MPEG frames further on, as in an archive, are of another file."""
    soundfile.write(tmp_path / "inner.mp3", tone(), RATE)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.write(tmp_path / "inner.mp3", "inner.mp3")
    noise = np.random.default_rng(1).integers(1, 255, 30_000, np.uint8).tobytes()
    content = {"mp3": noise[:9_000] + (tmp_path / "inner.mp3").read_bytes()}
    content |= {"zip": archive.getvalue(), "noise": noise}
    path = tmp_path / "a.mp3"
    path.write_bytes(id3(content[inside], 200))
    with pytest.raises(UserError, match=r"cannot be read|no MP3 file|zip archive"):
        read_audio(path, 22_050)


def write_tracks(path, *sounds):
    """A Matroska file with several sounds."""
    with av.open(str(path), "w", format="matroska") as container:
        tracks = [container.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in sounds]
        for track, sound in zip(tracks, sounds, strict=True):
            samples = np.round(sound * 32_767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            frame.sample_rate = RATE
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return path


def test_the_first_track_is_heard_unless_it_is_silent(tmp_path):
    low, high, silence = tone(), tone(frequency=880), 0 * tone()
    first = decode_file(write_tracks(tmp_path / "a.mkv", low, high), RATE)
    second = decode_file(write_tracks(tmp_path / "b.mkv", silence, silence, high), RATE)
    none = decode_file(write_tracks(tmp_path / "c.mkv", silence, silence), RATE)
    assert pitch(first.samples, RATE) == pytest.approx(440, abs=3)
    assert first.notes == ()
    assert pitch(second.samples, RATE) == pytest.approx(880, abs=3)
    assert second.notes == ("track 1 is silent; track 3 is used",)
    assert len(none.samples) == RATE
    assert not none.samples.any()


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.wav", "a.aiff", "a.au", "a.ogg"])
def test_what_libsndfile_reads_gives_what_is_left_when_cut_off(tmp_path, name):
    noisy = 0.5 * tone(4.0) + np.random.default_rng(2).normal(0, 0.05, 4 * RATE)
    soundfile.write(tmp_path / name, noisy, RATE)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    samples = read_audio(tmp_path / name, 22_050)
    assert 1.0 < len(samples) / 22_050 <= 4.1
    assert pitch(samples[:22_050], 22_050) == pytest.approx(440, abs=3)


def test_a_file_of_which_most_cannot_be_decoded_is_refused(tmp_path):
    """A decoder that finds a sound here and there has not read the file."""
    path = write(tmp_path / "a.mov", "mov", "alac")
    content = bytearray(path.read_bytes())
    begin = content.index(b"mdat") + 4
    length = int.from_bytes(content[begin - 8 : begin - 4], "big") - 8
    whole = length // 5
    content[begin + whole : begin + length] = b"\xff" * (length - whole)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged: \d+ of \d+ parts") as error:
        read_audio(path, 22_050)
    assert "\n" not in str(error.value)


def test_tags_that_are_no_utf8_do_not_matter(tmp_path):
    path = write(tmp_path / "a.mp4", "mp4", "aac", with_video=True)
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"\xff\xfe\x80\xa1"))
    assert len(read_audio(path, RATE))


@pytest.mark.parametrize("size", [2**63 - 8, 2**64 - 1, 2**63, 2**62])
@pytest.mark.parametrize("name", ["a.wma", "a.mp4"])
def test_a_file_that_points_beyond_all_files_is_read_or_refused(tmp_path, name, size):
    """Of WMA each object says how long it is, of MP4 each box: where FFmpeg looks for the next."""
    if name == "a.wma":
        content = bytearray(write(tmp_path / name, "asf", "wmav2").read_bytes())
        places, form = range(16, 416, 2), "<Q"
    else:
        content = bytearray(struct.pack(">I4sI4sI4sQ", 16, b"ftyp", 0, b"isom", 1, b"free", 0))
        content += bytes(64)
        places, form = [24], ">Q"
    for place in places:
        changed = bytearray(content)
        changed[place : place + 8] = struct.pack(form, size)
        (tmp_path / name).write_bytes(changed)
        with contextlib.suppress(UserError):
            read_audio(tmp_path / name, RATE)


@pytest.mark.parametrize("place", [-1, -(2**63), 2**64, 2**100])
def test_ffmpeg_is_told_of_places_that_are_not_there(tmp_path, place):
    (tmp_path / "a").write_bytes(b"abc")
    with (tmp_path / "a").open("rb") as file:
        for stream in (SeekableStream(file), SeekableStream(io.BytesIO(b"abc"))):
            assert stream.seek(place) == -1
            assert stream.seek(1) == 1
            assert stream.read() == b"bc"


def test_packets_without_end_are_given_up(tmp_path, monkeypatch):
    """A table of a few bytes can name the same packet as often as it likes."""
    path = write(tmp_path / "a.aac", *KINDS["a.aac"])
    monkeypatch.setattr("cargan_tf.audio.ffmpeg_decode.MAX_PACKETS", 10)
    with pytest.raises(UserError, match=r"a\.aac has more than 10 parts, of which \d+ hold sound"):
        read_audio(path, RATE)


def test_frames_that_change_on_the_way_are_taken_as_what_they_are():
    """A resampler hands on what follows a packed frame, planar sound too, as it is."""
    frames = FloatFrames("a.mka")
    for form, layout, channels in (("flt", "stereo", 2), ("s16p", "7.1", 8), ("flt", "mono", 1)):
        frame = av.AudioFrame(format=form, layout=layout, samples=8)
        frame.sample_rate = RATE
        ((block, rate),) = frames.blocks(frame)
        assert (block.shape, rate) == ((8, channels), RATE)
