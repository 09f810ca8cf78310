import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

#: Of stats.jsonl, what depends on the machine.
TIMES = ("images_per_second", "waiting_for_data")


def stats(folder):
    lines = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [{name: v for name, v in line.items() if name not in TIMES} for line in lines]


def test_a_run_writes_what_it_made(tiny_run, tiny_data):
    lines = stats(tiny_run)
    steps = [(line["kind"], line["step"]) for line in lines]
    assert steps == [
        *(("training", step) for step in (1, 2, 3)),
        ("validation", 3),
        *(("training", step) for step in (4, 5, 6)),
        ("validation", 6),
    ]
    assert all(np.isfinite(v) for line in lines for v in line.values() if isinstance(v, float))
    assert sorted(path.name for path in (tiny_run / "images").iterdir()) == [
        "step_0000003.png",
        "step_0000006.png",
    ]
    kept = [path.name for path in (tiny_run / "checkpoints").glob("*.index")]
    assert kept == ["step-6.index"]  # keep_checkpoints is 1
    info = Run(tiny_run).read_info()
    assert (info.labels, info.data) == (("cello", "flute", "violin"), str(tiny_data.resolve()))
    assert list((tiny_run / "tensorboard").glob("events*"))
    (session,) = map(json.loads, (tiny_run / "sessions.jsonl").read_text().splitlines())
    assert (session["after_step"], session["seed"], len(session["devices"])) == (0, 0, 1)
    assert session["versions"]["tensorflow"] == tf.__version__


def test_the_images_of_a_few_steps_already_follow_the_sound(tiny_run):
    assert stats(tiny_run)[-1]["sound_sensitivity"] > 1e-3


def test_another_folder_may_hold_the_classifier(make, tiny_classifier, tmp_path):
    folder = shutil.copytree(tiny_classifier, tmp_path / "elsewhere")
    trainer = make(tmp_path / "run", classifier=folder)
    assert trainer.info.classifier_accuracy >= 0.9


def test_a_missing_classifier_stops_the_run_before_it_begins(make, tmp_path):
    with pytest.raises(UserError, match="Train one first"):
        make(tmp_path / "run", classifier=tmp_path / "none")
    assert not (tmp_path / "run").exists()


def test_a_batch_that_replicas_cannot_share_is_refused(
    tiny_data, tiny_config, four_replicas, tmp_path
):
    config = override(tiny_config, ["training.batch_size=6"])
    with pytest.raises(UserError, match=r"6 is not a multiple of the 4 devices; the nearest is 8"):
        Trainer(Run(tmp_path), tiny_data, config, four_replicas)


def test_a_description_builds_everything_and_writes_nothing(make, tmp_path):
    trainer = make(tmp_path / "run")
    text = trainer.describe()
    for part in (
        "image_size: 64",
        "24 train, 12 validation, 12 test",
        "labels: cello, flute, violin",
        "0 of 6 done, 6 per epoch",
        f"G1: {trainer.network.coarse_generator.count_params():,} parameters",
        "CPU:0",
    ):
        assert part in text
    assert list(tmp_path.iterdir()) == []
