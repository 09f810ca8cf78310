import shutil

import pytest
from cargan_cli import doctor
from cargan_cli.doctor import Finding, examine_machine


def found(findings):
    return {finding.subject: finding for finding in findings}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cargan_tf.export.model_registry.shipped_folder", lambda: tmp_path / "none")
    return tmp_path


def test_the_model_that_draws_by_default_is_tried(workplace, tiny_model):
    shutil.copytree(tiny_model, workplace / "saved_models" / "tiny")
    findings = found(examine_machine())
    assert findings["model tiny"].state == "ok"
    assert findings["generating"] == Finding(
        "generating", "ok", "tiny generated an image at 64×64 by onnxruntime"
    )


def test_what_is_broken_fails_and_the_rest_is_still_looked_at(workplace, tiny_model, monkeypatch):
    shutil.copytree(tiny_model, workplace / "saved_models" / "tiny")
    (workplace / "saved_models" / "tiny" / "1" / "model.json").write_text("{")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: 1 / 0)
    findings = found(examine_machine())
    assert findings["disk"].detail == "ZeroDivisionError: division by zero"
    assert findings["generating"].state == "failed"
    assert "model.json is missing or damaged" in findings["generating"].detail
