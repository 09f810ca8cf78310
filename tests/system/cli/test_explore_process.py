import io
import shutil

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def explore(cargan, tiny_model, tmp_path):
    def run(*words):
        return cargan("explore", *words, "--model", tiny_model, cwd=tmp_path)

    return run


def test_from_standard_input_to_standard_output(
    explore, start_cargan, tiny_model, write_sound, tmp_path
):
    sound = write_sound("clip.wav")
    shutil.copyfile(sound, tmp_path / "stdin")  # the sheet's title is the sound's name
    explore("stdin", "-o", "sheet.png")
    process = start_cargan(
        *("explore", "-", "--model", tiny_model, "-o", "-"), cwd=tmp_path, binary_input=True
    )
    out, err = process.communicate(sound.read_bytes(), timeout=300)
    assert (process.returncode, err) == (0, b"")
    piped, written = (
        np.asarray(Image.open(source), np.int16)
        for source in (io.BytesIO(out), tmp_path / "sheet.png")
    )
    assert np.abs(piped - written).max() <= 1
