import pytest

from cargan_tf.config import AudioConfig, Config, DataConfig, override
from cargan_tf.errors import UserError


@pytest.mark.parametrize(
    ("setting", "value", "source"),
    [
        ("audio.sample_rate", 44_100, "Sub-URMP"),
        ("audio.clip_seconds", 0.5, "Sec. 3"),
        ("audio.n_fft", 2048, "librosa"),
        ("audio.hop_length", 512, "librosa"),
        ("audio.n_mels", 128, "librosa"),
        ("audio.silence_rms_db", -50, "Sec. 3, failure cases"),
        ("data.image_size", 256, "Sec. 3: 256×256"),
    ],
)
def test_a_default_says_where_it_is_from(setting, value, source, check_default):
    check_default(setting, value, source)


@pytest.mark.parametrize(
    ("setting", "last", "beyond"),
    [
        ("audio.sample_rate", "4000", "3999"),
        ("audio.sample_rate", "192000", "192001"),
        ("audio.clip_seconds", "0.05", "0.04"),
        ("audio.clip_seconds", "30", "30.5"),
        ("audio.n_fft", "2", "0"),
        ("audio.hop_length", "1", "0"),
        ("audio.n_mels", "4", "3"),
        ("audio.n_mels", "512", "513"),
        ("audio.f_min", "0", "-1"),
        ("audio.floor_db", "0", "1"),
        ("audio.clip_std", "0.1", "0"),
        ("audio.silence_rms_db", "0", "1"),
        ("audio.noise_flatness", "1", "1.5"),
        ("data.image_size", "32", "16"),
        ("data.image_size", "1024", "2048"),
        ("data.records_per_shard", "1", "0"),
        ("data.shuffle_buffer", "1", "0"),
        ("data.freq_mask", "0", "-1"),
        ("data.time_mask", "0", "-1"),
        ("data.validation_fraction", "0", "-0.1"),
        ("data.split_seed", "2147483647", "2147483648"),
    ],
)
def test_beyond_a_bound_it_is_refused_by_name(setting, last, beyond, check_bound):
    check_bound(setting, last, beyond)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["audio.n_fft=2047"], "n_fft must be even, received 2047"),
        (["audio.f_max=30000"], r"f_max 30000.0 <= sample_rate / 2 = 22050.0 must hold"),
        (["audio.f_min=5000", "audio.f_max=4000"], "f_min 5000.0 < f_max 4000.0"),
        (["audio.sample_rate=4000", "audio.f_max=2001"], "f_max 2001.0"),
        (["data.image_size=100"], "image_size must be a power of two, received 100"),
        (
            ["data.validation_fraction=0.5", "data.test_fraction=0.5"],
            r"validation_fraction \+ test_fraction must be less than 1, received 1.0",
        ),
    ],
)
def test_values_that_do_not_go_together_are_named(texts, said):
    with pytest.raises(UserError, match=said):
        override(Config(), texts)


def test_the_whole_band_and_nearly_all_pairs_may_be_had():
    assert AudioConfig(f_max=22_050.0).f_max == 22_050
    assert DataConfig(validation_fraction=0.5, test_fraction=0.49).test_fraction == 0.49


def test_a_clip_of_sub_urmp_is_22_050_samples_and_44_frames():
    audio = AudioConfig()
    assert (audio.clip_samples, audio.frames) == (22_050, 44)


@pytest.mark.parametrize(
    ("rate", "seconds", "hop", "samples", "frames"),
    [(8_000, 0.5, 250, 4_000, 17), (44_100, 0.3, 512, 13_230, 26), (8_000, 0.05, 1_000, 400, 1)],
)
def test_frames_are_one_a_hop_and_one_more(rate, seconds, hop, samples, frames):
    audio = AudioConfig(sample_rate=rate, clip_seconds=seconds, hop_length=hop)
    assert (audio.clip_samples, audio.frames) == (samples, frames)
