import numpy as np
import pytest
from PIL import Image

from benchmarks.scale import preprocessing
from benchmarks.scale_laws import laws, plot


@pytest.fixture
def measured():
    """Figures that follow laws exactly: 5 s and 20 ms a clip; an image costs 1 µs a pixel."""
    made = [(64, 1, 100), (64, 1, 300), (64, 1, 900), (128, 1, 100)]
    steps = [(size, batch) for size in (64, 128, 256) for batch in (1, 2, 4)]
    return {
        "preprocessing": [
            {
                **{"image_size": size, "workers": workers, "clips": clips},
                **{"seconds": 5 + 0.02 * clips, "cpu_seconds": 1 + 0.01 * clips},
                "bytes_per_clip": 22_000 + 3.0 * size**2,
            }
            for size, workers, clips in made
        ],
        "training": [
            {
                **{"image_size": size, "batch": batch, "replicas": 1, "seconds": 1.0},
                **{"cpu_seconds": 2 + 1e-6 * size**2 * batch, "peak_gib": 1 + 0.5 * batch},
            }
            for size, batch in steps
        ],
    }


def test_laws_are_found_in_what_follows_them(measured):
    found = laws(measured)
    expected = {
        "preprocessing 64, 1 workers: seconds once": 5,
        "preprocessing 64, 1 workers: seconds a clip": 0.02,
        "preprocessing 64, 1 workers: cpu_seconds a clip": 0.01,
        "bytes a clip beside its image": 22_000,
        "bytes a pixel": 3,
        "step 128: cpu_seconds once": 2,
        "step 128: cpu_seconds an image": 1e-6 * 128**2,
        "step 256: GiB an image": 0.5,
        "step: exponent of the pixels": 1,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_figures_are_drawn(measured, tmp_path):
    plot(measured, tmp_path / "scale.png")
    image = np.asarray(Image.open(tmp_path / "scale.png").convert("RGB"))
    assert np.mean(np.any(image != 255, axis=-1)) > 0.01


def test_a_data_set_is_measured():
    figures = preprocessing(32, 1, 8)
    assert figures["bytes_per_clip"] > 3 * 32**2
    assert figures["seconds"] > figures["planning_seconds"] > 0
