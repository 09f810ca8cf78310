"""Commands where little is as usual: no home, no language, nobody who reads what they say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

COMMANDS = (["models"], ["--help"], ["models", "nothing here"])


def run(words, shell="", **environment):
    """The finished process of ``cargan WORDS``, with nothing but ``environment`` and the path."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "cargan_cli.main", *words]
    if shell:
        command = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *command]
    return subprocess.run(
        command, env=kept | environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "environment",
    [{}, {"HOME": "/nowhere"}, {"LANG": "C", "LC_ALL": "C"}, {"LANG": "xx_XX", "TERM": "none"}],
    ids=["nothing", "no home", "C", "unknown language"],
)
def test_no_home_and_no_language_are_enough(words, environment):
    done = run(words, **environment)
    assert done.returncode == (2 if "nothing here" in words else 0)
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr


@pytest.mark.parametrize("shell", ["| head -1", "| true", ">&-", "2>&-", "</dev/null", "<&-"])
@pytest.mark.parametrize("words", COMMANDS[:1], ids=" ".join)
def test_closed_streams_are_no_fault(words, shell):
    done = run(words, shell)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "environment",
    [{}, {"HOME": "/nowhere"}, {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}],
    ids=["nothing", "no home", "C"],
)
def test_images_are_generated_without_home_and_language(tmp_path, environment):
    sound = tmp_path / "Flöte.wav"
    shutil.copyfile(ROOT / "samples" / "violin.wav", sound)
    done = run(["generate", str(sound), "--label", "violin", "-o", str(tmp_path)], **environment)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert (tmp_path / "Flöte.png").is_file()


@pytest.mark.parametrize("shell", ["| true", ">&-", "2>&-"])
def test_images_are_generated_whoever_listens(tmp_path, shell):
    words = ["generate", str(ROOT / "samples" / "violin.wav"), "--label", "violin"]
    done = run([*words, "-o", str(tmp_path)], shell)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert (tmp_path / "violin.png").is_file()


def test_nothing_is_written_into_an_installed_package(tmp_path):
    """Where its folder cannot be written, as a system's often cannot: no byte code either.

    A superuser may write everywhere: a file called __pycache__ keeps also that one out.
    """
    package = tmp_path / "site-packages"
    skipped = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name, source in (("cargan_tf", "cargan_tf"), ("cargan_cli", "cli")):
        shutil.copytree(ROOT / source, package / name, ignore=skipped)
    for name in ("configs", "saved_models"):
        if not (package / "cargan_tf" / name).exists():
            shutil.copytree(ROOT / name, package / "cargan_tf" / name, ignore=skipped)
    folders = [package, *(path for path in package.rglob("*") if path.is_dir())]
    for folder in folders:
        (folder / "__pycache__").touch()
        folder.chmod(0o555)
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*")}
    (tmp_path / "out").mkdir()
    try:
        words = ["generate", str(ROOT / "samples" / "violin.wav"), "--label", "violin"]
        done = run([*words, "-o", str(tmp_path / "out")], PYTHONPATH=str(package))
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        assert (tmp_path / "out" / "violin.png").is_file()
        assert {path: path.stat().st_mtime_ns for path in package.rglob("*")} == before
    finally:
        for folder in folders:
            folder.chmod(0o755)
