import io

import numpy as np
from PIL import Image


def test_in_a_process_of_its_own_nothing_else_is_said(
    cargan_process, tiny_model, write_sound, tmp_path
):
    write_sound("clip.wav")
    words = ("--label", "violin", "--model", tiny_model)
    done = cargan_process("generate", "clip.wav", *words, cwd=tmp_path)
    assert (done.status, done.out, done.err) == (0, "clip.png\n", "")


def test_from_standard_input_to_standard_output(
    start_cargan, tiny_model, write_sound, generate, tmp_path
):
    sound = write_sound("clip.wav")
    generate("clip.wav")
    words = ("--label", "violin", "--model", tiny_model, "-o", "-")
    process = start_cargan("generate", "-", *words, cwd=tmp_path, binary_input=True)
    out, err = process.communicate(sound.read_bytes(), timeout=300)
    assert (process.returncode, err) == (0, b"")
    piped, written = (
        np.asarray(Image.open(source), np.int16)
        for source in (io.BytesIO(out), tmp_path / "clip.png")
    )
    assert np.abs(piped - written).max() <= 1
