from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cargan_tf.data.reference_spectrograms import (
    FRAMES,
    N_MELS,
    jet_colors,
    read_jet_image,
    render_jet_image,
)
from cargan_tf.errors import UserError

SAMPLE = Path(__file__).parents[3].parent / "shared" / "data" / "suburmp_sample"


def synthetic_log_mel(seed):
    """Notes that fade over noise: falls off towards high bands, flickers, 0 to 1."""
    random = np.random.default_rng(seed)
    slope = np.exp(-np.arange(N_MELS) / 9)[:, None] * random.uniform(0.5, 1.5, FRAMES)
    walk = 0.1 * np.cumsum(random.normal(size=(N_MELS, FRAMES)), axis=1)
    values = slope + walk
    return (values - values.min()) / (values.max() - values.min())


def saved(tmp_path, image):
    path = tmp_path / "a.png"
    image.save(path)
    return path


def test_a_round_trip_loses_less_than_the_colours_do(tmp_path):
    for seed in range(5):
        log_mel = synthetic_log_mel(seed)
        found = read_jet_image(saved(tmp_path, render_jet_image(log_mel)))
        assert found.shape == (34, 128)
        assert found.dtype == np.float32
        # 256 colors alone cost a quarter of a step on average: 0.0977 % of the range.
        stepped = (np.floor(log_mel * 256).clip(0, 255) + 0.5) / 256
        assert np.abs(found - stepped).mean() < 0.0005
        assert np.abs(found - log_mel).mean() < 0.0012
        assert np.abs(found - log_mel).max() < 0.05


def test_a_small_image_is_read_to_the_step(tmp_path):
    log_mel = synthetic_log_mel(0)
    levels = np.floor(log_mel * 256).clip(0, 255).astype(int)
    found = read_jet_image(saved(tmp_path, Image.fromarray(jet_colors()[levels.T])))
    assert np.abs(found - (levels + 0.5) / 256).max() < 0.01  # a few blues are the same


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="no ../shared/data/suburmp_sample")
def test_the_real_images_are_drawn_again():
    paths = sorted(SAMPLE.glob("spectrogram/*/*.png"))
    assert len(paths) == 26
    errors = []
    for path in paths:
        found = read_jet_image(path)
        assert found.min() < 0.01
        assert found.max() > 0.99
        generated = np.asarray(render_jet_image(found), float)
        errors.append(np.abs(generated - np.asarray(Image.open(path).convert("RGB"), float)).mean())
    assert max(errors) / 255 < 0.001


def photograph():
    ramp = np.linspace(0, 255, 256)
    red, green = np.meshgrid(ramp, ramp)
    return Image.fromarray(np.stack([red, green, 0.5 * red + 60], axis=2).astype(np.uint8))


@pytest.mark.parametrize(
    "image",
    [
        photograph(),
        Image.new("RGB", (256, 256), "white"),
        render_jet_image(synthetic_log_mel(1)).convert("L"),
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)),
    ],
    ids=["photo", "white", "gray", "noise"],
)
def test_other_images_are_refused_by_name(tmp_path, image):
    with pytest.raises(UserError, match=r"a\.png is not in jet colors .*sound files\.$"):
        read_jet_image(saved(tmp_path, image))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="no image"):
        read_jet_image(tmp_path / "gone.png")
    with pytest.raises(UserError, match=r"has 32×32 pixels; expected .* 256×256"):
        read_jet_image(saved(tmp_path, Image.new("RGB", (32, 32))))
    path = saved(tmp_path, render_jet_image(synthetic_log_mel(0)))
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UserError, match="is a damaged image"):
        read_jet_image(path)
    path.write_text("words")
    with pytest.raises(UserError, match="is not an image"):
        read_jet_image(path)
