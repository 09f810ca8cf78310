"""The notebook: what it shows as it was committed, and that it still runs."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

nbformat = pytest.importorskip(
    "nbformat", reason="nbclient is not installed: pip install '.[test]'"
)

FOLDER = Path(__file__).parents[3] / "notebooks"
FIRST_IMAGES = FOLDER / "first-images.ipynb"
#: Training pairs as photos, the curve, the grid, the stages, sounds against labels.
PHOTOS, OTHERS = 1, 4
MOST_BYTES = 1_000_000

#: Takes the place of the cell tagged "parameters".
TINY = """
labels = ["cello", "violin"]
recordings = 18
clips_per_recording = 2
settings = [
    "data.image_size=32", "model.generator_width=4", "model.discriminator_width=4",
    "classifier.width=4", "classifier.epochs=1", "classifier.minimum_accuracy=0",
    "sound_classifier.width=4", "sound_classifier.steps=2",
    "training.batch_size=4", "training.steps=2",
]
"""


def read(path):
    return nbformat.read(path, as_version=4)


def outputs(notebook):
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def images(notebook):
    """Every PNG that is shown, [H, W, 3]."""
    shown = [output.get("data", {}).get("image/png") for output in outputs(notebook)]
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))
        for png in shown
        if png
    ]


def sounds(notebook):
    html = [output.get("data", {}).get("text/html", "") for output in outputs(notebook)]
    return [text for text in html if "<audio" in text and "base64," in text]


def test_the_committed_notebook_was_run_from_top_to_bottom():
    code = [cell for cell in read(FIRST_IMAGES).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_the_committed_notebook_shows_images_and_sounds_and_is_small():
    notebook = read(FIRST_IMAGES)
    shown = images(notebook)
    assert len(shown) == 3 * PHOTOS + OTHERS
    assert all(image.std() > 10 for image in shown), "an image of nothing"
    assert len(sounds(notebook)) == 4
    assert FIRST_IMAGES.stat().st_size < MOST_BYTES


def test_the_committed_notebook_holds_no_errors_warnings_or_paths_of_a_machine():
    for output in outputs(read(FIRST_IMAGES)):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
        said = output.get("text") or output.get("data", {}).get("text/plain", "")
        assert not re.search(r"(^|\s|')/\w+/", said), said


@pytest.mark.slow
def test_the_notebook_runs(tmp_path):
    from nbclient import NotebookClient

    notebook = read(FIRST_IMAGES)
    (parameters,) = (
        cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())
    )
    parameters.source = TINY
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = images(notebook)
    assert len(shown) == 2 * PHOTOS + OTHERS
    assert len(sounds(notebook)) == 3
    grid = shown[-3]
    assert grid.shape[1] > 4 * grid.shape[0], "two labels, twice four images"
    assert all(image.std() > 5 for image in shown)
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"
