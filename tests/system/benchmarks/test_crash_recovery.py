"""SIGKILL ten times, at seeded moments; the long form is `python -m benchmarks.crash_recovery`."""

import random
import shutil

import pytest
import yaml

from benchmarks.crash_recovery import survive
from benchmarks.crash_recovery_stages import STAGES, HalfWritten
from cargan_tf.config import override

KILLS = {"preprocess": 6, "train": 2, "export": 2}  # reproduce: test_cli_reproduce.py

stages = {stage.name: stage for stage in STAGES}


@pytest.fixture(scope="module")
def material(tiny_source, tiny_data, tiny_classifier, tiny_run, tiny_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("material")
    for name, made in (("source", tiny_source), ("data", tiny_data), ("run", tiny_run)):
        shutil.copytree(made, folder / name)
    config = override(tiny_config, ["training.checkpoint_steps=1", "monitor.validation_clips=4"])
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")), "utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", KILLS)
def test_killed_at_any_moment_the_next_run_ends_as_an_undisturbed_one(name, material, tmp_path):
    """All files of the data set; every tensor of the checkpoint; the exported graph and weights."""
    draw = random.Random(f"2 {name}")
    outcome = survive(stages[name], material, tmp_path, KILLS[name], draw)
    assert outcome.faults == []
    assert outcome.kills == KILLS[name]
    assert outcome.compared >= 1
    assert outcome.looks > 0


def test_the_reader_would_see_half_a_file(material, tmp_path):
    """What the benchmark leans on: a damaged data set and a damaged checkpoint are told."""
    shutil.copytree(material / "data", tmp_path / "data")
    shutil.copytree(material / "run", tmp_path / "run")
    assert stages["preprocess"].look(tmp_path) == stages["train"].look(tmp_path) == 1
    for file in (*tmp_path.glob("data/train-*"), *tmp_path.glob("run/checkpoints/*.data*")):
        file.write_bytes(file.read_bytes()[:-1])
    for name in ("preprocess", "train"):
        with pytest.raises(HalfWritten):
            stages[name].look(tmp_path)
