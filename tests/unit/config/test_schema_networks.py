import pytest

from cargan_tf.config import Config, ModelConfig, load_config, override
from cargan_tf.errors import UserError


@pytest.mark.parametrize(
    ("setting", "value", "source"),
    [
        ("model.attention", "sagan", "Sec. 2.1, 2.5"),
        ("model.generator_attentions", 2, "attention layers of each generator"),
        ("model.stages", 2, "Table 1, D"),
        ("model.residue", True, "Table 1, C"),
        ("model.refine_sees_audio", False, "Eq. 1"),
        ("model.discriminator_label", "none", "Eq. 3 and 4"),
        ("model.spectrogram", "log-mel", "Sec. 2.5"),
        ("model.generator_width", 64, "pix2pix"),
        ("model.max_width_multiplier", 8, "pix2pix"),
        ("model.discriminator_width", 64, "the paper does not say"),
        ("model.discriminator_norm", "batch", "pix2pix"),
        ("model.dropout", 0.5, "pix2pix"),
        ("model.init_stddev", 0.02, "the paper's 0.2 is taken for a typo"),
    ],
)
def test_a_default_says_where_it_is_from(setting, value, source, check_default):
    check_default(setting, value, source)


@pytest.mark.parametrize(
    ("setting", "last", "beyond"),
    [
        ("model.kind", "s2ic", "pix2pix"),
        ("model.generator_width", "1", "0"),
        ("model.refined_generator_width", "1", "0"),
        ("model.max_width_multiplier", "1", "0"),
        ("model.coarse_dropped_skips", "0", "-1"),
        ("model.discriminator_width", "1", "0"),
        ("model.discriminator_norm", "spectral", "layer"),
        ("model.attention", "none", "banded"),
        ("model.generator_attentions", "1", "3"),
        ("model.generator_attentions", "2", "0"),
        ("model.stages", "1", "3"),
        ("model.discriminator_label", "audio", "residue"),
        ("model.dropout", "0", "1"),
        ("model.init_stddev", "1e-6", "0"),
    ],
)
def test_beyond_a_bound_it_is_refused_by_name(setting, last, beyond, check_bound):
    check_bound(setting, last, beyond)


def test_the_authors_jet_image_has_three_channels_a_log_mel_has_one():
    assert ModelConfig().spectrogram_channels == 1
    assert ModelConfig(spectrogram="jet").spectrogram_channels == 3


def test_a_photo_of_the_player_needs_players_and_the_cascade():
    photo = "model.player_photo=true"
    with pytest.raises(UserError, match=r"set model\.players to the number of players of a label"):
        override(Config(), [photo])
    with pytest.raises(UserError, match=r"model\.kind s2ic does not support model\.player_photo"):
        override(load_config("baselines/s2ic"), ["model.players=2", photo])
    assert override(Config(), ["model.players=2", photo]).model.player_photo
    with pytest.raises(UserError, match=r"set model\.player_photo to true"):
        override(Config(), ["model.warp=true"])
