import pytest

from cargan_tf.config import Config, load_config
from cargan_tf.config.loading import config_from_json
from cargan_tf.errors import UserError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64", 64),
        ("144x256", (144, 256)),
        ("144×256", (144, 256)),
        ("[144, 256]", (144, 256)),
        ("[128, 128]", 128),
        ("128x128", 128),
        ("512", 512),
        ("288 x 512", (288, 512)),
    ],
)
def test_a_side_or_height_and_width(text, size):
    config = load_config("paper", [f"data.image_size={text}"])
    assert config.data.image_size == size
    assert config_from_json(config.model_dump(mode="json"), "a.json") == config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("100", "power of two"),
        ("16", "32 to 1024"),
        ("2048", "32 to 1024"),
        ("[144, 250]", "multiples of 16"),
        ("16x256", "32 to 1024"),
        ("144x", "height and width such as 144x256"),
        ("1x2x3", "height and width such as 144x256"),
        ("[]", "height and width such as 144x256"),
        ("[144.5, 256]", "height and width such as 144x256"),
        ("wide", "height and width such as 144x256"),
        ("[true, 64]", "height and width such as 144x256"),
        ("true", "not a switch"),
    ],
)
def test_other_sizes_are_refused(text, said):
    with pytest.raises(UserError, match=said):
        load_config("paper", [f"data.image_size={text}"])


def test_a_square_size_is_stored_as_before():
    assert Config().model_dump(mode="json")["data"]["image_size"] == 256


def test_the_baselines_are_square():
    with pytest.raises(UserError, match="square"):
        load_config("baselines/s2ic", ["data.image_size=64x128"])
