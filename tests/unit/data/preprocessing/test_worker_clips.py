import av
import numpy as np
import pytest
import soundfile

from cargan_tf.audio.clips import cut_clip
from cargan_tf.audio.decode import read_audio
from cargan_tf.config import AudioConfig
from cargan_tf.data.preprocessing.worker import read_clip
from cargan_tf.errors import UserError

AUDIO = AudioConfig(sample_rate=8_000, n_fft=256, hop_length=250, n_mels=16)


@pytest.fixture(params=["wav", "flac", "ogg"])
def recording(tmp_path, request):
    """20 s of stereo noise at another rate than is wanted."""
    samples = 0.1 * np.random.default_rng(0).normal(size=(20 * 11_025, 2))
    path = tmp_path / f"long.{request.param}"
    soundfile.write(path, samples, 11_025)
    return path


@pytest.mark.parametrize("offset_ms", [0, 700, 1_000, 5_001, 12_345, 19_400, 19_900])
def test_a_part_equals_the_cut_from_the_whole(recording, offset_ms):
    whole = read_audio(recording, AUDIO.sample_rate)
    start = round(offset_ms * AUDIO.sample_rate / 1000)
    expected = cut_clip(whole, start, AUDIO.clip_samples)
    clip = read_clip(recording, offset_ms, AUDIO)
    assert clip.samples.shape == (4_000,)
    assert clip.padded == expected.padded
    # libsndfile's Vorbis decoder rounds differently after a seek
    np.testing.assert_allclose(clip.samples, expected.samples, atol=1e-5)


def test_a_clip_beyond_the_end(recording):
    with pytest.raises(UserError, match=r"sound lasts 20.000 s"):
        read_clip(recording, 25_000, AUDIO)


def test_a_short_file_is_padded(tmp_path):
    soundfile.write(tmp_path / "short.wav", np.ones(3_000) * 0.1, 8_000)
    assert read_clip(tmp_path / "short.wav", 0, AUDIO).padded == 1_000
    assert read_clip(tmp_path / "short.wav", 250, AUDIO).padded == 3_000


def test_not_a_sound_file(tmp_path):
    (tmp_path / "a.wav").write_text("text")
    for offset_ms in (0, 5_000):
        with pytest.raises(UserError, match="cannot be read as sound"):
            read_clip(tmp_path / "a.wav", offset_ms, AUDIO)


def test_a_part_of_a_videos_sound_equals_the_cut_from_the_whole(tmp_path, write_video):
    video = write_video(tmp_path / "a.mp4", 5.0)
    whole = read_clip(video, 0, AUDIO.model_copy(update={"clip_seconds": 4.5}))
    for offset_ms in (0, 900, 2_500, 3_700):
        start = offset_ms * 8
        clip = read_clip(video, offset_ms, AUDIO)
        assert clip.samples.shape == (4_000,)
        assert not clip.padded
        np.testing.assert_allclose(clip.samples, whole.samples[start : start + 4_000], atol=1e-3)
    assert read_clip(video, 4_900, AUDIO).padded > 2_000


def test_a_sound_named_like_a_video_is_read_by_its_content(tmp_path):
    tone = 0.3 * np.sin(np.arange(40_000) * 0.3)
    soundfile.write(tmp_path / "a.wav", tone, 8_000)
    named = (tmp_path / "a.wav").rename(tmp_path / "a.mp4")
    np.testing.assert_allclose(
        read_clip(named, 2_500, AUDIO).samples, tone[20_000:24_000], atol=1e-4
    )


def test_of_a_video_the_first_track_that_is_not_silent_is_heard(tmp_path):
    """As programs that record the screen write it: the microphone is the second track."""
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * 48_000) / 48_000)
    with av.open(str(tmp_path / "a.mkv"), "w", format="matroska") as container:
        tracks = [container.add_stream("pcm_s16le", rate=48_000, layout="mono") for _ in range(2)]
        for track, samples in zip(tracks, (0 * tone, tone), strict=True):
            frame = av.AudioFrame.from_ndarray(
                (32_767 * samples).astype(np.int16)[None], "s16", "mono"
            )
            frame.sample_rate = 48_000
            container.mux([*track.encode(frame), *track.encode(None)])
    clip = read_clip(tmp_path / "a.mkv", 1_500, AUDIO)
    assert np.abs(clip.samples).max() == pytest.approx(0.3, abs=0.02)
    assert clip.notes == ("track 1 is silent; track 2 is used",)
