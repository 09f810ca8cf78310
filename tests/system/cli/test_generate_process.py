import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

#: What the networks in TensorFlow, and their export, are made with; each takes long to import.
HEAVY = ("tensorflow", "keras", "librosa", "onnx", "tf2onnx")


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


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "clip.wav", "--label", "violin"),
        ("generate", "clip.wav", "--json"),
        ("generate", "clip.wav", "--grid", "grid.png"),
        ("generate", "clip.wav", "--mix", "clip.wav"),
        ("generate", "clip.wav", "--video", "clip.mp4"),
        ("explore", "clip.wav"),
        ("models",),
    ],
    ids=" ".join,
)
def test_an_exported_model_needs_no_tensorflow(words, tiny_model, write_sound, tmp_path):
    write_sound("clip.wav")
    if words[0] != "models":
        words = (*words, "--model", str(tiny_model))
    code = (
        "import json, sys\n"
        "from cargan_cli.main import main\n"
        "try:\n"
        "    main(sys.argv[2:])\n"
        "except SystemExit as end:\n"
        "    found = [name for name in json.loads(sys.argv[1]) if name in sys.modules]\n"
        "    print(json.dumps([end.code, found]), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(HEAVY), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    # For a video notes are found in a mel spectrum, whose filters are librosa's.
    imported = ["librosa"] if "--video" in words else []
    assert json.loads(done.stderr.splitlines()[-1]) == [0, imported], done.stderr
    if "--json" in words:
        assert json.loads(done.stdout)["backend"] == "onnxruntime"
