import dataclasses
import json
import shutil

import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.evaluate import evaluate_run, present_splits, row_names
from cargan_tf.evaluation.metrics.registry import METRICS
from cargan_tf.evaluation.report import FOLDER, REPORT_FILE, Limits, Report
from cargan_tf.training.run import Run

#: Figures that need no network; the others are tested once.
PLAIN = ("retrieval_1", "player_match", "movement_ratio", "l1")


@pytest.fixture
def run(tiny_run, tmp_path):
    return Run(shutil.copytree(tiny_run, tmp_path / "run"))


@pytest.fixture(scope="module")
def evaluated(tiny_run, tiny_evaluator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated")
    run = Run(shutil.copytree(tiny_run, folder / "run"))
    deaf = Run(shutil.copytree(tiny_run, folder / "deaf"))
    return run, *evaluate_run(run, compared=[deaf], limits=Limits(train=9))


@pytest.mark.slow
def test_everything_is_measured_that_can_be(evaluated):
    _, report, generated = evaluated
    assert [split.split for split in report.splits] == list(generated) == ["train", "test"]
    for split, pairs, available in zip(report.splits, (9, 12), (24, 12), strict=True):
        assert (split.pairs, split.available) == (pairs, available)
        assert len(generated[split.split].keys) == len(split.examples) == pairs
        names = [
            *("refined", "coarse", "class mean", "class median", "player mean", "player median"),
            *("real photos", "deaf"),
        ]
        assert [row.name for row in split.rows] == names
        assert {one.evaluator for one in split.confusions} == {"evaluator", "classifier"}
        assert all(np.sum(one.counts) == pairs for one in split.confusions)
    assert {network.name for network in report.networks} == {
        *("classifier", "evaluator", "efficientnet-lite0"),
    }
    # Twelve images of three classes: too few for these, and nothing else is missing.
    assert {one.metric.partition(" of ")[0] for one in report.skipped_metrics} == {
        "KID",
        "R@5",
        "R@10",
        "pose: pitch",
        "pose: loudness",
    }
    measured = set(report.split("test").row("refined").values)
    assert measured == {one.info.name for one in METRICS} - {
        *("kid", "retrieval_5", "retrieval_10"),
        *("pose_pitch", "pose_loudness"),
    }


def test_figures_agree_with_the_arrays_they_are_of(evaluated):
    _, report, generated = evaluated
    split, found = report.split("test"), generated["test"]
    distance = np.abs(found.refined - found.photos).mean(dtype=np.float64)
    assert split.row("refined").values["l1"].value == pytest.approx(distance, rel=1e-5)
    by_evaluator = split.row("refined").values["evaluator_accuracy"]
    assert len(by_evaluator.by_network) == 2
    assert by_evaluator.value == pytest.approx(np.mean(by_evaluator.by_network))
    by_c = split.row("refined").values["classifier_accuracy"]
    seen = [example.predictions["classifier"] == example.label for example in split.examples]
    assert by_c.value == pytest.approx(np.mean(seen))
    assert by_c.class_average == pytest.approx(
        np.mean([np.mean(np.array(seen)[found.classes == label]) for label in range(3)])
    )
    hits = [example.rank == 1 for example in split.examples]
    assert split.row("refined").values["retrieval_1"].value == pytest.approx(np.mean(hits))
    median = np.abs(found.stills["class median"].images - found.photos).mean(dtype=np.float64)
    assert split.row("refined").values["l1"].class_median == pytest.approx(median, rel=1e-5)
    assert split.row("class median").values["l1"].value == pytest.approx(median, rel=1e-5)
    # The very same run beside itself.
    assert split.row("deaf").values == split.row("refined").values


def test_every_figure_of_features_says_how_far_to_believe_it(evaluated):
    _, report, _ = evaluated
    fid = report.split("test").row("refined").values["fid"]
    assert (fid.images, fid.real, fid.network) == (12, 12, "efficientnet-lite0")
    assert fid.singular is True
    assert fid.floor > 0
    assert report.network("efficientnet-lite0").weights_hash
    assert report.provenance.step == 6


def test_the_report_is_written_and_comes_back(evaluated):
    run, report, _ = evaluated
    file = run.path / FOLDER / REPORT_FILE
    assert Report.from_json(json.loads(file.read_text("utf-8")), str(file)) == report


def test_one_seed_one_report(evaluated, tmp_path):
    run, report, _ = evaluated
    again, _ = evaluate_run(
        run, splits=["test"], metrics=PLAIN, out=tmp_path, limits=Limits(train=9)
    )
    values = report.split("test").row("refined").values
    found = again.split("test").row("refined").values
    assert {name: figure.value for name, figure in found.items()} == pytest.approx(
        {name: values[name].value for name in PLAIN}, rel=1e-5
    )
    assert [info.name for info in again.metrics] == list(PLAIN)
    assert (tmp_path / REPORT_FILE).is_file()
    # Nobody asked for a network but C, which is at hand.
    assert [network.name for network in again.networks] == ["classifier"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"splits": ["dev"]}, r"has no pair in dev; it has train, validation, test"),
        ({"metrics": ["fit"]}, r"no metric 'fit'\. Did you mean 'fid'"),
        ({"features": "resnet", "metrics": ["fid"]}, r"no feature network 'resnet'"),
    ],
)
def test_what_cannot_be_asked_for_is_named(run, options, said):
    with pytest.raises(UserError, match=said):
        evaluate_run(run, **options)
    assert not (run.path / FOLDER).exists()


def test_data_that_was_moved_is_named_and_a_missing_split_costs_only_itself(
    run, tiny_data, tmp_path
):
    run.write_info(dataclasses.replace(run.read_info(), data=str(tmp_path / "gone")))
    with pytest.raises(UserError, match=r"data set of .* is missing .* by --data"):
        evaluate_run(run)
    report, generated = evaluate_run(run, tiny_data, ["dev", "test", "test"], metrics=["l1"])
    assert report.provenance.data == str(tiny_data.resolve())
    assert list(generated) == ["test"]
    (missing,) = report.skipped_metrics
    assert (missing.metric, missing.reason) == (
        "dev",
        "the data set has no such split; it has train, validation, test",
    )


def test_without_a_test_split_the_validation_split_is_measured(tiny_data, tmp_path):
    assert present_splits(None, tiny_data, []) == ["train", "test"]
    values = json.loads((tiny_data / "dataset.json").read_text("utf-8"))
    del values["shards"]["test"]
    data = shutil.copytree(tiny_data, tmp_path / "data")
    (data / "dataset.json").write_text(json.dumps(values), "utf-8")
    missing = []
    assert present_splits(None, data, missing) == ["train", "validation"]
    assert missing == []


def test_no_run_at_all(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        evaluate_run(Run(tmp_path))


def test_runs_beside_are_told_apart_by_as_much_of_their_paths_as_it_takes(tmp_path):
    paths = [tmp_path / name for name in ("a/run", "b/run", "deaf", "refined")]
    assert list(row_names([Run(path) for path in paths])) == [
        *("a/run", "b/run", "deaf", f"{tmp_path.name}/refined"),
    ]
    deeper = [tmp_path / name for name in ("a/ema/seed-0", "b/ema/seed-0")]
    assert list(row_names([Run(path) for path in deeper])) == ["a/ema/seed-0", "b/ema/seed-0"]
    with pytest.raises(UserError, match="twice"):
        row_names([Run(paths[0]), Run(paths[0])])
