import numpy as np
import pytest

from cargan_tf.config import override
from cargan_tf.models.sound_classifier import new_sound_classifier, sound_classifier_audio

LABELS = 5


@pytest.fixture(scope="module")
def network(tiny_config):
    return new_sound_classifier(tiny_config, LABELS)


@pytest.fixture(scope="module")
def log_mels(tiny_config):
    audio = sound_classifier_audio(tiny_config)
    shape = (2, audio.n_mels, audio.frames)
    return np.random.default_rng(0).uniform(-60, -20, shape).astype(np.float32)


def test_one_row_of_logits_a_sound_with_one_for_none(network, log_mels):
    assert network(log_mels).shape == (2, LABELS + 1)
    assert np.abs(network(log_mels[:1]) - network(log_mels[1:])).max() > 0


def test_a_louder_sound_is_the_same_sound(network, log_mels):
    np.testing.assert_allclose(network(log_mels + 12), network(log_mels), atol=1e-4)


def test_what_lies_70_db_below_the_loudest_does_not_count(network, log_mels):
    quiet = log_mels.copy()
    quiet[:, 10:20] = -95
    quieter = quiet.copy()
    quieter[:, 10:20] = -200
    np.testing.assert_allclose(network(quieter), network(quiet), atol=1e-5)


def test_silence_has_finite_logits(network, log_mels):
    assert np.isfinite(network(np.full_like(log_mels, -100))).all()


@pytest.mark.parametrize(
    ("rate", "window", "hop", "top"),
    [(44_100, 2048, 512, 10_000), (22_050, 1024, 256, 10_000), (8_000, 512, 93, 4_000)],
)
def test_its_log_mel_is_alike_at_all_rates(tiny_config, rate, window, hop, top):
    audio = sound_classifier_audio(override(tiny_config, [f"audio.sample_rate={rate}"]))
    assert (audio.n_fft, audio.hop_length, audio.f_max) == (window, hop, top)
    assert audio.n_mels == 96


def test_a_jet_configuration_has_its_own_log_mel_of_any_size(tiny_config):
    jet = override(tiny_config, ["model.spectrogram=jet", "audio.log_mel_scale=clip"])
    assert sound_classifier_audio(jet) == jet.audio
    network = new_sound_classifier(jet, LABELS)
    log_mels = np.random.default_rng(0).uniform(0, 1, (2, jet.audio.n_mels, 130))
    assert network(log_mels.astype(np.float32)).shape == (2, LABELS + 1)
