import re
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from cargan_tf.audio.quality import ClipQuality
from cargan_tf.inference.result import GenerationResult
from cargan_tf.visualization.plots import (
    LACKING,
    MARK,
    MOST_BARS,
    NOTHING,
    OUTLINE,
    TOO_MUCH,
    residue_svg,
    spectrogram_svg,
    stages_image,
    waveform_svg,
)

COARSE, REFINED = (200, 30, 30), (30, 30, 200)
QUIET = tuple(matplotlib.colormaps["magma"](0, bytes=True)[:3])


@pytest.fixture(scope="module")
def generated():
    return GenerationResult(
        image=np.full((8, 8, 3), REFINED, np.uint8),
        coarse=np.full((8, 8, 3), COARSE, np.uint8),
        residue={"cello": -0.5, "double_bass": 0.0, "violin": 0.8},
        waveform=np.linspace(-1, 1, 400, dtype=np.float32),
        sample_rate=800,
        spectrogram=np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8, 1),
        label_weights={"violin": 1.0},
        recognition=None,
        start_seconds=0,
        padded_seconds=0,
        quality=ClipQuality(-20, 0, silent=False, noise_like=False),
    )


def words(svg):
    return " ".join("".join(node.itertext()) for node in ElementTree.fromstring(svg).iter())


def rgb(color):
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def columns_of(image, color):
    found = np.flatnonzero((image == color).all(-1).any(0))
    return found.min(), found.max()


def test_stages_stand_side_by_side_from_sound_to_image(generated):
    image = stages_image(generated)
    assert image.dtype == np.uint8
    assert image.shape[1] > 4 * image.shape[0]
    sound_end, quiet_start = columns_of(image, rgb(OUTLINE))[1], columns_of(image, QUIET)[0]
    coarse_start = columns_of(image, COARSE)[0]
    assert sound_end < quiet_start < coarse_start
    (_, coarse_end), (refined_start, _) = columns_of(image, COARSE), columns_of(image, REFINED)
    (much_start, much_end), (lack_start, lack_end) = (
        columns_of(image, rgb(color)) for color in (TOO_MUCH, LACKING)
    )
    assert coarse_end < much_start < much_end <= lack_start < lack_end < refined_start
    ratio = (lack_end - lack_start) / (much_end - much_start)
    assert ratio == pytest.approx(0.8 / 0.5, abs=0.05), "as long as they are great"


def test_a_system_without_residue_has_stages_too(generated):
    image = stages_image(replace(generated, residue={}))
    assert (image == REFINED).all(-1).any()
    for color in (COARSE, rgb(LACKING), rgb(TOO_MUCH)):
        assert not (image == color).all(-1).any()


def test_a_residue_without_bars_says_what_that_means(generated):
    said = NOTHING.split("\n")[0]
    assert said in words(residue_svg({"cello": 0.004, "violin": -0.004}))
    assert said not in words(residue_svg(generated.residue))


def test_bars_are_labelled_with_what_counts(generated):
    said = words(residue_svg(generated.residue))
    for word in ("cello", "double bass", "violin", "−0.50", "+0.80", "too much", "lacking"):
        assert word in said
    assert "+0.00" not in said


def test_of_very_many_labels_those_that_stand_out_are_shown():
    residue = {f"label{index}": index / 100 for index in range(MOST_BARS + 5)}
    said = words(residue_svg(residue))
    assert f"label{MOST_BARS + 4}" in said
    assert not re.search(r"label0\b", said)


def test_a_waveform_is_drawn_with_its_clip_marked():
    svg = waveform_svg(np.sin(np.arange(30_000)).astype(np.float32), 10_000, 1.0, 0.5)
    assert OUTLINE in svg
    assert TOO_MUCH in svg
    assert "seconds" in words(svg)


@pytest.mark.parametrize("samples", [1, 5])
def test_a_very_short_sound_has_a_waveform(samples):
    assert "<svg" in waveform_svg(np.zeros(samples, np.float32), 8_000, 0.0, 0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_spectrogram_is_drawn(channels):
    svg = spectrogram_svg(np.zeros((8, 8, channels), np.float32), 0.5)
    assert "data:image/png" in svg
    assert {"low", "high"} <= set(words(svg).split())


def test_drawings_take_the_ink_of_the_page(generated):
    svg = residue_svg(generated.residue)
    assert svg.startswith("<svg")
    assert "currentColor" in svg


def marked(seconds, start):
    """Left and right edge of the marked part, as fractions of the outline's width."""
    outline = np.sin(np.arange(round(seconds * 100))).astype(np.float32)
    root = ElementTree.fromstring(waveform_svg(outline, 100, start, 0.5))
    (mark,) = (one for one in root.iter() if one.get("id") == MARK)
    edges = [float(x) for x in re.findall(r"[ML] ([\d.]+)", next(mark.iter(f"{SVG}path")).get("d"))]
    (axis,) = (one for one in root.iter() if one.get("id") == "patch_2")
    ends = [float(x) for x in re.findall(r"[ML] ([\d.]+)", next(axis.iter(f"{SVG}path")).get("d"))]
    width = max(ends) - min(ends)
    return (min(edges) - min(ends)) / width, (max(edges) - min(ends)) / width


SVG = "{http://www.w3.org/2000/svg}"


def test_the_mark_of_a_short_sound_is_the_clip():
    assert marked(2, 1.0) == pytest.approx((0.5, 0.75), abs=0.002)


@pytest.mark.parametrize("start", [0.0, 300.0, 599.5])
def test_the_mark_of_a_long_sound_can_be_seen(start):
    left, right = marked(600, start)
    assert right - left >= 0.01  # half a second alone would be 0.0008
    assert left - 0.001 <= start / 600 <= right
    assert left >= -0.001
    assert right <= 1.001
