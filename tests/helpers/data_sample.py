"""One small sample data set for the tests that only read it, and instruments drawn alone."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cargan_tf.synthetic.build import make_sample_data
from cargan_tf.synthetic.canvas import SIDE, SUPERSAMPLING, Canvas, View
from cargan_tf.synthetic.figure import Look, Pose, player_looks
from cargan_tf.synthetic.scene import SCENES

SMALL = {"count": 18, "clips_per_recording": 2, "seed": 3, "labels": ("flute", "violin")}


@pytest.fixture(scope="session")
def small_set(tmp_path_factory) -> Path:
    """The folder of a set of two instruments."""
    out = tmp_path_factory.mktemp("sample") / "small"
    make_sample_data(out, **SMALL, workers=1)
    return out


@pytest.fixture(scope="session")
def rows(small_set) -> list[dict[str, str]]:
    """The lines of its manifest."""
    with (small_set / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


#: Drawn around the image too, so that what would be cut off can be seen.
MARGIN = 128
#: One in so many rows and columns of the fine image is looked at.
THINNED = 2
#: Colors that no other part of a drawing has.
NOTHING = (255, 0, 255)
SKIN = (0, 255, 0)
#: One player for all instruments.
LOOK = replace(player_looks("violin", 0)[0], skin=SKIN)
STILL = Pose(0.5, 0.5)


def instrument_alone(label: str, pose: Pose, look: Look = LOOK, body: Pose = STILL) -> np.ndarray:
    """Instrument and arms before nothing, [2 side, 2 side, 3], with the margin around.

    The body stays still unless asked, so that only the instrument and the hands move.
    """
    scene = SCENES[label]
    # The canvas is as wide as SIDE units of its view: the margin needs the half magnification.
    around = SIDE + 2 * MARGIN
    center = View().center
    scale = SIDE / around
    shift = tuple(
        (moved + MARGIN + place) * scale - place
        for moved, place in zip(look.shift, center, strict=True)
    )
    view = View(scene.magnification * look.magnification * scale, center, shift)
    side = around * SUPERSAMPLING
    canvas = Canvas(Image.new("RGB", (side, side), NOTHING), view)
    scene.draw(canvas, look, scene.body(body), pose)
    return np.asarray(canvas.image())[::THINNED, ::THINNED]


def positions(pixels: np.ndarray, color: tuple[int, int, int] | None = None) -> np.ndarray:
    """[N, 2]: x and y of what has ``color``, or of all that is drawn, in pixels of the image."""
    seen = (pixels == color).all(-1) if color else (pixels != NOTHING).any(-1)
    return np.argwhere(seen)[:, ::-1] * THINNED / SUPERSAMPLING - MARGIN


def share_in_image(label: str, pose: Pose) -> float:
    """How much of an instrument is not cut off by the image's edge, 0 to 1."""
    generated = positions(instrument_alone(label, pose, body=pose))
    return float(((generated >= 0) & (generated < SIDE)).all(1).mean())
