import numpy as np
import pytest

from cargan_tf.audio import augmentation
from cargan_tf.audio.augmentation import augment, detune, room_response, through_codec
from cargan_tf.config import AugmentationConfig

RATE = 22_050
OFF = {
    "room_seconds": 0,
    "response_db": 0,
    "lowest_cutoff_hz": RATE,
    "noise_db": -100,
    "clipping": 0,
    "detune_cents": 0,
    "envelope": 0,
    "codecs": (),
}


@pytest.fixture(scope="module")
def tone():
    time = np.arange(RATE // 2) / RATE
    return (0.2 * sum(np.sin(2 * np.pi * 440 * k * time) / k for k in range(1, 9))).astype("f4")


def rms(samples):
    return np.sqrt(np.mean(np.square(samples, dtype=np.float64)))


def level_db(samples, low, high):
    """Power between two frequencies, dB."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return 10 * np.log10(spectrum[(hz >= low) & (hz < high)].sum())


def test_the_loudness_stays_and_the_sound_changes(tone):
    random = np.random.default_rng(0)
    for _ in range(40):
        changed = augment(tone, RATE, AugmentationConfig(), random)
        assert changed.shape == tone.shape
        assert rms(changed) == pytest.approx(rms(tone), rel=1e-3)
        assert np.abs(changed - tone).max() > 1e-4


def test_the_same_random_state_gives_the_same_samples(tone):
    one, again, other = (
        augment(tone, RATE, AugmentationConfig(), np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3


def test_everything_off_leaves_all_but_the_lowest_tones_of_small_loudspeakers(tone, monkeypatch):
    monkeypatch.setattr(augmentation, "EFFECT_FRACTION", 0.0)
    changed = augment(tone, RATE, AugmentationConfig(**OFF), np.random.default_rng(0))
    np.testing.assert_allclose(changed, tone, atol=1e-5)


def test_silence_stays_silence():
    silence = np.zeros(RATE // 2, np.float32)
    changed = augment(silence, RATE, AugmentationConfig(), np.random.default_rng(0))
    np.testing.assert_array_equal(changed, silence)


def test_detuning_moves_the_pitch_by_cents():
    time = np.arange(RATE) / RATE
    higher = detune(np.sin(2 * np.pi * 1000 * time), 50)
    spectrum = np.abs(np.fft.rfft(higher * np.hanning(len(higher))))
    assert np.argmax(spectrum) == pytest.approx(1000 * 2 ** (50 / 1200), abs=1)


def test_a_band_limit_takes_the_highs(tone, monkeypatch):
    monkeypatch.setattr(augmentation, "EFFECT_FRACTION", 1.0)
    settings = AugmentationConfig(**{**OFF, "lowest_cutoff_hz": 600})
    cut = []
    for seed in range(12):
        changed = augment(tone, RATE, settings, np.random.default_rng(seed))
        cut.append(level_db(changed, 3000, 4000) - level_db(tone, 3000, 4000))
    assert min(cut) < -20  # 440 Hz is left, its eighth harmonic is not


def test_a_room_falls_by_60_db_within_its_time():
    response = room_response(RATE, RATE, 0.5, np.random.default_rng(3))
    assert response[0] == 1
    energy = np.cumsum(response[:0:-1] ** 2)[::-1]  # Schroeder's integral
    fallen = np.argmax(energy < energy[0] * 1e-6) / RATE
    assert 0.04 < fallen <= 0.55


def test_clipping_flattens_the_peaks(tone):
    changed = augment(
        tone, RATE, AugmentationConfig(**{**OFF, "clipping": 1}), np.random.default_rng(0)
    )
    at_the_top = np.isclose(np.abs(changed), np.abs(changed).max(), rtol=1e-3).mean()
    assert at_the_top > 0.02
    assert np.isclose(np.abs(tone), np.abs(tone).max(), rtol=1e-3).mean() < 0.01


@pytest.mark.parametrize("codec", ["mp3", "opus", "aac"])
def test_a_codec_gives_back_the_sound_in_place(tone, codec):
    coded = through_codec(tone, RATE, codec, 64_000)
    assert coded.shape == tone.shape
    middle = slice(2000, -2000)
    error = rms(coded[middle] - tone[middle])
    assert 0 < error < 0.1 * rms(tone)
    lower = through_codec(tone, RATE, codec, 24_000)
    assert rms(lower[middle] - tone[middle]) > 0


def test_of_the_configured_codecs_one_is_used(tone, monkeypatch):
    used = []
    monkeypatch.setattr(
        augmentation, "through_codec", lambda sound, rate, *words: used.append(words) or sound
    )
    settings = AugmentationConfig(**{**OFF, "codecs": ("mp3", "aac"), "codec_fraction": 1})
    for seed in range(20):
        augment(tone, RATE, settings, np.random.default_rng(seed))
    assert {codec for codec, _ in used} == {"mp3", "aac"}
    assert {bit_rate for _, bit_rate in used} <= {24_000, 32_000, 48_000, 64_000, 96_000}
    assert len(used) == 20
