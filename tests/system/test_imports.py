"""What may be imported when: the command line must answer before TensorFlow has loaded."""

import json
import subprocess
import sys

import pytest
from cargan_cli.main import COMMANDS

HEAVY = {
    *("tensorflow", "keras", "librosa", "sklearn", "matplotlib", "numba", "tensorflow_io", "av"),
    *("gradio", "pandas", "fastapi", "uvicorn", "grpc", "requests"),
}


def _imported_by(code):
    """Top-level modules in a fresh interpreter that ran ``code``."""
    report = "import json, sys; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_is_light():
    assert not _imported_by("import cargan_tf") & (HEAVY | {"numpy", "pydantic", "click"})


@pytest.mark.parametrize("name", ["Config", "load_config", "UserError"])
def test_configuring_from_python_is_light(name):
    assert not _imported_by(f"from cargan_tf import {name}") & HEAVY


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_is_light(command):
    words = [*([command] if command else []), "--help"]
    code = (
        "from cargan_cli.main import main\n"
        f"try: main({words!r})\n"
        "except SystemExit as leaving: assert not leaving.code"
    )
    assert not _imported_by(code) & HEAVY


def test_shell_completion_is_light():
    code = (
        "import os\n"
        "os.environ |= {'_CARGAN_COMPLETE': 'bash_complete', 'COMP_WORDS': 'cargan train --g',"
        " 'COMP_CWORD': '2'}\n"
        "from cargan_cli.main import main\n"
        "try: main([])\n"
        "except SystemExit as leaving: assert not leaving.code"
    )
    assert not _imported_by(code) & HEAVY


@pytest.mark.parametrize("words", [("models",), ("completion", "bash")])
def test_what_only_looks_things_up_is_light(words):
    code = (
        "from cargan_cli.main import main\n"
        f"try: main({list(words)!r})\n"
        "except SystemExit as leaving: assert not leaving.code"
    )
    assert not _imported_by(code) & HEAVY


@pytest.mark.parametrize(
    "words",
    [
        ("generate", "missing.wav", "--label", "violin"),
        ("generate", "missing.wav", "--label-mix", "violin"),
        ("generate", "missing.wav", "--video", "x.avi"),
        ("explore", "missing.wav"),
        ("demo", "--model", "missing"),
        ("export", "missing", "out"),
        ("train", "missing"),
        ("classifier", "missing"),
        ("evaluate", "missing"),
        ("train", "--set", "x"),
        ("preprocess", "--config", "missing"),
        ("inspect", "missing"),
        ("serve", "missing"),
        ("quickstart", "--set", "training.batchsize=1"),
        ("reproduce", "table1", "missing"),
    ],
)
def test_what_is_plainly_wrong_is_said_before_tensorflow_loads(words):
    code = (
        "from cargan_cli.main import main\n"
        f"try: main({list(words)!r})\n"
        "except SystemExit as leaving: assert leaving.code == 2"
    )
    assert "tensorflow" not in _imported_by(code)


def test_reproducing_leaves_tensorflow_to_its_subprocesses():
    code = "from cargan_tf.evaluation.reproduce import reproduce"
    assert "tensorflow" not in _imported_by(code)


def test_the_public_names_are_there():
    import cargan_tf

    assert all(hasattr(cargan_tf, name) for name in cargan_tf.__all__)


def test_an_unknown_name_is_an_attribute_error():
    import cargan_tf

    with pytest.raises(AttributeError, match="no attribute 'Generater'"):
        cargan_tf.Generater  # noqa: B018
