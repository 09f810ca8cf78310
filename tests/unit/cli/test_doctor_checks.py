import re
import shutil
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from cargan_cli import doctor
from cargan_cli.doctor import EXTRAS, Finding, examine_installation, examine_machine

ROOT = Path(__file__).parents[3]


def found(findings):
    return {finding.subject: finding for finding in findings}


@pytest.fixture
def installed(monkeypatch):
    """Pretends: ``installed(numpy="1.0", av=None)``."""

    def pretend(**versions):
        real = metadata.version

        def version(name):
            known = versions.get(name, "")
            if known is None:
                raise metadata.PackageNotFoundError(name)
            return known or real(name)

        monkeypatch.setattr(doctor.metadata, "version", version)

    return pretend


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cargan_tf.export.model_registry.shipped_folder", lambda: tmp_path / "none")
    return tmp_path


def test_what_the_package_asks_for_is_found():
    findings = found(examine_installation())
    for name in ("python", "cargan", "tensorflow", "keras", "librosa"):
        assert findings[name].state == "ok", findings[name]
    assert findings["keras"].detail == metadata.version("keras")
    assert "pytest" not in findings


def test_a_package_that_is_not_there_fails_with_what_to_type(installed):
    installed(librosa=None)
    librosa = found(examine_installation())["librosa"]
    asked = next(text for text in metadata.requires("cargan-tf") if text.startswith("librosa"))
    assert (librosa.state, librosa.detail) == ("failed", "not installed")
    assert librosa.remedy.startswith("pip install 'librosa")
    assert all(bound in librosa.remedy for bound in asked.removeprefix("librosa").split(","))


def test_a_version_out_of_bounds_fails(installed):
    installed(keras="2.15.0")
    keras = found(examine_installation())["keras"]
    assert keras.state == "failed"
    assert keras.detail.startswith("2.15.0, but ")


def test_an_extra_that_is_not_there_can_be_done_without(installed):
    installed(av=None)
    assert found(examine_installation())["extra video"] == Finding(
        "extra video",
        "missing",
        "for videos, in and out; it brings its own FFmpeg; lacks av",
        "pip install '.[video]' in the checkout of cargan_tf",
    )


def test_the_gpu_extra_is_what_tensorflow_makes_of_it(installed):
    """TensorFlow itself, of ``tensorflow[and-cuda]``, is always there."""
    packages = re.findall(r"^nvidia[\w-]+", "\n".join(metadata.requires("tensorflow")), re.M)
    assert packages
    installed(**dict.fromkeys(packages))
    gpu = found(examine_installation())["extra gpu"]
    assert gpu.state == "missing"
    assert f"lacks {packages[0]}" in gpu.detail


def test_every_extra_of_users_is_looked_at():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    of_developers = {"docs", "test", "dev", "fuzz"}
    assert {*project["optional-dependencies"]} == {*EXTRAS} | of_developers


def test_without_a_model_nothing_is_drawn(workplace):
    findings = found(examine_machine())
    assert findings["cpu"].state == findings["disk"].state == "ok"
    assert (findings["models"].state, findings["models"].remedy) == (
        "missing",
        "make one: cargan quickstart",
    )
    assert "generating" not in findings


def test_a_full_disk_is_told_before_training(workplace, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 8, 1))
    disk = found(examine_machine())["disk"]
    assert (disk.state, disk.remedy) == ("missing", "free 2 GB before training")
