"""The sdist and the wheel, built and used outside the checkout."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.version import Version

pytest.importorskip("build", reason="needs build: pip install '.[test]'")

ROOT = Path(__file__).parents[2]
#: What the build needs; not the environment, runs and models that people keep in a checkout.
FILES = (
    *("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"),
    *("CHANGELOG.md", "CITATION.cff", "Makefile"),
)
FOLDERS = ("cargan_tf", "cli", "configs", "docs", "samples", "tests")
#: The first setuptools that reads pyproject.toml's license as it stands there.
SETUPTOOLS = Version("77")

pytestmark = pytest.mark.slow


def run(*command, **options):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the checkout, with a model in the place of the shipped one and one beside it."""
    folder = tmp_path_factory.mktemp("source")
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    (folder / "saved_models").mkdir()
    for name in ("__init__.py", "README.md"):
        shutil.copy(ROOT / "saved_models" / name, folder / "saved_models")
    for name in ("players-128", "somebodys"):
        version = folder / "saved_models" / name / "1"
        (version / "variables").mkdir(parents=True)
        (version / "saved_model.pb").write_bytes(b"graph")
        (version / "variables" / "variables.index").write_bytes(b"weights")
    return folder


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    """The folder of a wheel and the sdist that it was made from."""
    out = tmp_path_factory.mktemp("dist")
    isolation = []
    if Version(metadata.version("setuptools")) >= SETUPTOOLS:
        isolation = ["--no-isolation"]
    elif not reached("pypi.org"):
        pytest.skip(f"needs setuptools>={SETUPTOOLS} or a network")
    run(sys.executable, "-m", "build", *isolation, "--outdir", out, source)
    return out


def reached(host):
    try:
        with socket.create_connection((host, 443), timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The folder of an environment with the wheel; what it depends on is borrowed from this one."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    site = next(folder.glob("lib/python*/site-packages"))
    borrowed = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "borrowed.pth").write_text("\n".join(borrowed))
    (wheel,) = built.glob("*.whl")
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index")
    run(*pip, "--force-reinstall", "--ignore-installed", wheel)
    return folder


@pytest.fixture
def cargan(installed, tmp_path):
    """Runs the installed command in an empty folder."""
    hidden = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def call(*words):
        return run(installed / "bin" / "cargan", *words, cwd=tmp_path, env=hidden)

    return call


def test_the_wheel_holds_every_module_and_what_they_read(built):
    (wheel,) = built.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    positions = {"cargan_tf": "cargan_tf", "cli": "cargan_cli", "configs": "cargan_tf/configs"}
    expected = {
        f"{position}/{file.relative_to(ROOT / folder)}"
        for folder, position in positions.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert expected <= held
    model = "cargan_tf/saved_models/players-128/1"
    assert {f"{model}/saved_model.pb", f"{model}/variables/variables.index"} <= held
    assert not [name for name in held if "somebodys" in name]
    assert {name.split("/")[0] for name in held} == {
        *("cargan_tf", "cargan_cli", f"{wheel.name.split('-py3')[0]}.dist-info"),
    }


def test_the_sdist_holds_what_one_needs_to_go_on(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "tests/system/test_installed_package.py",
        "docs/explanation/decisions.md",
        "samples/violin.wav",
    } <= held
    assert {*FILES, "configs/paper.yaml", "saved_models/players-128/1/saved_model.pb"} <= held
    assert not [name for name in held if "somebodys" in name or name.endswith(".pyc")]


def test_the_installed_command_works_in_any_folder(cargan, installed):
    assert cargan("--help").startswith("Usage: cargan ")
    assert cargan("generate", "--help").startswith("Usage: cargan generate ")
    (model,) = map(json.loads, cargan("models", "--json").splitlines())
    assert (model["name"], model["version"], model["shipped"]) == ("players-128", 1, True)
    assert Path(model["path"]).is_relative_to(installed)


def test_the_installed_package_finds_its_configurations(installed, tmp_path):
    code = "import cargan_tf; print(cargan_tf.__file__, cargan_tf.load_config('players-128').name)"
    file, name = run(installed / "bin" / "python", "-c", code, cwd=tmp_path).split()
    assert Path(file).is_relative_to(installed)
    assert name == "players-128"
