import json
import shutil

import pytest

from cargan_tf.errors import WorkerFailure
from cargan_tf.training.trainer import Trainer, TrainingResult


@pytest.fixture
def trainable(data, tiny_classifier):
    """A copy of the data set with its classifier."""
    shutil.copytree(tiny_classifier, data / "classifier")
    return data


def _last_step(run):
    return json.loads((run / "stats.jsonl").read_text("utf-8").splitlines()[-1])["step"]


def test_a_dry_run_prints_the_resolved_run_and_leaves_nothing(cargan, trainable, tiny_config):
    before = set(trainable.parent.rglob("*"))
    words = ("--dry-run", "--set", "training.batch_size=2")
    done = cargan("train", trainable, *words, cwd=trainable.parent)
    assert done.status == 0, done.err
    assert "  batch_size: 2\n" in done.out
    assert "run: runs/tiny\n" in done.out
    assert "labels: cello, flute, violin\n" in done.out
    assert f"steps: 0 of {tiny_config.training.steps} done, 12 per epoch\n" in done.out
    assert all(f"\n{network}: " in done.out for network in ("G1", "G2", "C (frozen)", "D"))
    assert set(trainable.parent.rglob("*")) == before


def test_resuming_goes_on_to_a_new_last_step(cargan, tiny_data, run):
    done = cargan("train", tiny_data, "--run", run, "--resume", "--set", "training.steps=7")
    assert done.status == 0, done.err
    assert _last_step(run) == 7
    assert "Training: 7/7, " in done.err
    assert "R@1" in done.out
    assert done.next == f"cargan export {run} saved_models/run"  # the run's own name


def test_time_that_is_up_says_how_to_go_on(cargan, tiny_data, run, monkeypatch):
    """What is saved then is the trainer's, and tested with it."""
    asked = []

    def train(trainer, max_hours):
        asked.append(max_hours)
        return TrainingResult(7, None, finished=False)

    monkeypatch.setattr(Trainer, "train", train)
    words = ("train", tiny_data, "--run", run, "--resume", "--set", "training.steps=9")
    done = cargan(*words, "--max-hours", 11.5)
    assert asked == [11.5]
    typed = " ".join(map(str, words))
    assert done.out.splitlines() == [
        "Time is up: step 7 of 9 is saved.",
        f"Resume with: cargan {typed} --max-hours 11.5",
    ]


def test_no_time_at_all_is_refused(cargan, tiny_data):
    assert "--max-hours" in cargan("train", tiny_data, "--max-hours", 0).error


def test_gpus_that_are_not_there(cargan, tiny_data):
    error = cargan("train", tiny_data, "--gpus", 64).error
    assert "--gpus 64 was requested, but TensorFlow sees" in error
    assert "--virtual-devices 64 rehearses" in error


def test_gpus_and_virtual_devices_exclude_each_other(cargan, tiny_data):
    words = ("--gpus", 2, "--virtual-devices", 2)
    assert "cannot be combined" in cargan("train", tiny_data, *words).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing",), "no prepared data set in missing"),
        (("data", "--resume"), "nothing to resume: runs/tiny holds no run"),
        (("data", "--set", "training.stesp=1"), "Did you mean 'training.steps'?"),
        (("data", "--set", "training.batch_size=1000"), "set training.batch_size to 24 or less"),
        (("data", "--set", "audio.n_mels=20"), "was made with audio.n_mels = 16"),
        (("data",), "no classifier in data/classifier. Train one first: cargan classifier data"),
        (("data", "--classifier", "none"), "no classifier in none"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(cargan, data, words, said):
    assert said in cargan("train", *words, cwd=data.parent).error
    assert not (data.parent / "runs").exists()


def test_a_classifier_of_other_labels_is_refused(cargan, trainable):
    report = trainable / "classifier" / "classifier.json"
    values = json.loads(report.read_text("utf-8"))
    report.write_text(json.dumps({**values, "labels": ["oboe", "tuba", "viola"]}), "utf-8")
    error = cargan("train", trainable, "--run", trainable.parent / "run").error
    assert "knows the labels oboe, tuba, viola; the data has cello, flute, violin" in error


def test_a_weak_classifier_is_refused(cargan, trainable):
    report = trainable / "classifier" / "classifier.json"
    values = json.loads(report.read_text("utf-8"))
    report.write_text(json.dumps({**values, "accuracy": 0.5}), "utf-8")
    error = cargan("train", trainable, "--run", trainable.parent / "run").error
    assert "below classifier.minimum_accuracy" in error


def test_a_run_is_not_trained_over(cargan, tiny_data, run):
    error = cargan("train", tiny_data, "--run", run).error
    assert "already holds a run: continue it with --resume" in error


def test_a_resumed_run_keeps_its_configuration(cargan, tiny_data, run):
    words = ("--resume", "--set", "training.batch_size=2")
    error = cargan("train", tiny_data, "--run", run, *words).error
    assert "was started with another configuration (training.batch_size: 4 then, 2 now)" in error


def test_a_damaged_run_is_named(cargan, tiny_data, run):
    (run / "run.json").write_text("{")
    assert "run.json is damaged" in cargan("train", tiny_data, "--run", run, "--resume").error


def test_a_bad_cluster_is_one_line_before_anything_is_built(cargan, tiny_data, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {}}')
    error = cargan("train", tiny_data).error
    assert "TF_CONFIG has the task type None; its cluster has worker" in error


def test_a_lost_worker_has_a_status_of_its_own(cargan, tiny_data, run, monkeypatch):
    def train(trainer, max_hours):
        raise WorkerFailure("another worker ended")

    monkeypatch.setattr(Trainer, "train", train)
    done = cargan("train", tiny_data, "--run", run, "--resume")
    assert (done.status, done.err.splitlines()[-1]) == (75, "Error: another worker ended")
