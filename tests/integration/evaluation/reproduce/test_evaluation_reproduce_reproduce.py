"""The plan of work, with training and evaluation played; test_cli_reproduce.py does both."""

import json
import shutil
from dataclasses import dataclass, field, replace

import pytest
from filelock import FileLock

from cargan_tf.config import config_hash, overlay, override
from cargan_tf.errors import UserError
from cargan_tf.evaluation.metrics.registry import METRICS
from cargan_tf.evaluation.report import Limits, Report
from cargan_tf.evaluation.reproduce.reproduce import ExperimentRunner, reproduce
from cargan_tf.training.run import Run
from cargan_tf.utils.files import write_json
from cargan_tf.utils.progress import SilentReporter

ORDER = ["a", "b", "c", "d", "e"]
#: Rows that the evaluation of E gives.
OF_E = {"e", "class-mean", "class-median", "player-mean", "player-median", "real"}
STATS = {"step": 6, "kind": "training", "images_per_second": 24.0}


@dataclass
class Played:
    """What was asked for, in order; ``fail_at`` raises there, as a kill would end it."""

    work: list[str] = field(default_factory=list)
    fail_at: str = ""
    evaluator: str = "f"

    def did(self, what):
        if what == self.fail_at:
            raise KeyboardInterrupt
        self.work.append(what)


@pytest.fixture
def played(monkeypatch, make_report):
    played = Played()

    def name(experiment):
        path = experiment.run.path
        return f"{path.parent.name.removeprefix('ablations-')} {path.name.removeprefix('seed-')}"

    def train(self, experiment):
        played.did(f"train {name(experiment)}")
        experiment.run.path.mkdir(parents=True, exist_ok=True)
        experiment.run.stats.write_text(json.dumps(STATS) + "\n")

    def evaluate(self, experiment):
        played.did(f"evaluate {name(experiment)}")
        fid = 100.0 + experiment.config.training.seed
        report = make_report(fid=fid)
        test = report.split("test")
        made = replace(
            report.provenance,
            config_hash=config_hash(experiment.config),
            data_hash=self.data_hash,
            trained_on_data_hash=self.data_hash,
            features=self.features or "efficientnet-lite0",
        )
        networks = tuple(replace(one, weights_hash=played.evaluator) for one in report.networks)
        splits = tuple(replace(test, split=split) for split in self.splits)
        infos = tuple(metric.info for metric in METRICS)
        report = replace(report, provenance=made, networks=networks, splits=splits, metrics=infos)
        write_json(experiment.run.path / "evaluation" / "report.json", report.to_json())

    monkeypatch.setattr(ExperimentRunner, "train_classifier", lambda self, config: played.did("C"))
    monkeypatch.setattr(ExperimentRunner, "train", train)
    monkeypatch.setattr(ExperimentRunner, "evaluate", evaluate)
    return played


@pytest.fixture
def make(tiny_data, tiny_config, tmp_path):
    def make(table="table1", config=tiny_config, data=tiny_data, **options):
        return reproduce(table, data, config, tmp_path / "out", **options)

    return make


def both(*names):
    return [f"{work} {name}" for name in names for work in ("train", "evaluate")]


def test_everything_once_and_a_table(make, played, tmp_path):
    table = make()
    runs = [*(f"{name} 0" for name in ORDER), "baselines-shuffled 0"]
    assert played.work == ["C", *both(*runs)]
    assert table.finished
    values = json.loads((tmp_path / "out" / "table1.json").read_text())
    assert values == table.to_json()
    (e,) = [row for row in values["rows"] if row["name"] == "e"]
    assert e["runs"][0]["training_seconds"] == 1.0
    assert "| E: the whole | 240.7771 | 100.0 |" in (tmp_path / "out" / "table1.md").read_text()


def test_what_is_finished_is_passed_over(make, played):
    first = make()
    played.work.clear()
    assert make() == first
    assert played.work == []


def test_the_tables_share_their_runs(make, played):
    make("table1")
    played.work.clear()
    make("table2")
    assert played.work == ["C", *both("baselines-s2ic 0", "baselines-cmcgan 0")]


def test_stopped_at_any_moment_it_goes_on(make, played, tmp_path):
    whole = ["C", *both("a 0", "e 0")]
    for stop in whole:
        played.work.clear()
        played.fail_at = stop
        with pytest.raises(KeyboardInterrupt):
            make(only=["a", "e"])
        done = list(played.work)
        played.work.clear()
        played.fail_at = ""
        table = make(only=["a", "e"])
        # A training that was finished is asked for again, and finds itself at its end; so is C.
        assert set(done + played.work) == set(whole)
        assert [work for work in played.work if work.startswith("evaluate") and work in done] == []
        assert {row.name for row in table.rows if row.runs} == {"a", *OF_E}
        shutil.rmtree(tmp_path / "out")


def test_a_part_of_the_table_is_there_early(make, played, tmp_path):
    played.fail_at = "train b 0"
    with pytest.raises(KeyboardInterrupt):
        make()
    text = (tmp_path / "out" / "table1.md").read_text()
    assert "| A: no attention | 279.3022 | 100.0 |" in text
    assert "| B: no classification loss | 332.1574 | … |" in text


def test_several_seeds_begin_with_all_rows_of_the_first(make, played):
    table = make(seeds=2, only=["e", "shuffled"])
    runs = ["e 0", "baselines-shuffled 0", "e 1", "baselines-shuffled 1"]
    assert played.work == ["C", *both(*runs)]
    cell = next(row for row in table.rows if row.name == "e").cells["test fid"]
    assert [figure.value for figure in cell.values] == [100.0, 101.0]


def test_rows_not_asked_for_are_shown_if_they_are_finished(make, played):
    make(only=["a"])
    played.work.clear()
    table = make(only=["e"])
    assert played.work == ["C", *both("e 0")]
    assert {row.name for row in table.rows if row.runs} == {"a", *OF_E}


def test_finished_runs_are_measured_again_on_request(make, played):
    make(only=["a", "e"])
    played.work.clear()
    make(only=["e"], evaluate_again=True)
    assert played.work == ["evaluate e 0"]


def test_the_held_out_split_may_have_another_name(make, played, tiny_data, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(tiny_data, data)
    description = json.loads((data / "dataset.json").read_text())
    del description["shards"]["test"]
    (data / "dataset.json").write_text(json.dumps(description))
    table = make(data=data, only=["e"])
    assert table.provenance.held_out == "validation"
    del description["shards"]["validation"]
    (data / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="has only a training split"):
        make(data=data)


def test_options_are_chosen_by_the_validation_split(make, played, tiny_data, tmp_path):
    table = make("options", only=["e"])
    assert table.provenance.held_out == "validation"
    assert {column.split for column in table.columns} == {"validation"}
    assert make("table1", only=["e"]).provenance.held_out == "test"
    assert played.work == ["C", *both("e 0")]  # one evaluation serves both
    data = shutil.copytree(tiny_data, tmp_path / "data")
    description = json.loads((data / "dataset.json").read_text())
    del description["shards"]["validation"]
    (data / "dataset.json").write_text(json.dumps(description))
    with pytest.raises(UserError, match="no validation split, by which options are chosen"):
        make("options", data=data)


def report_file(tmp_path, overlay="ablations-e"):
    return tmp_path / "out" / "runs" / overlay / "seed-0" / "evaluation" / "report.json"


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("configuration", {"config_hash": "0" * 64}),
        ("data set", {"data_hash": "0" * 64}),
        ("data set", {"trained_on_data_hash": "0" * 64}),
        ("feature network", {"features": "inception"}),
        ("number of clips or seed", {"limits": Limits(held_out=50)}),
        ("number of clips or seed", {"limits": Limits(seed=1)}),
    ],
)
def test_a_finished_run_that_was_evaluated_otherwise_is_evaluated_again(
    make, played, tmp_path, what, change
):
    make(only=["a", "e"])
    file = report_file(tmp_path)
    report = Report.from_json(json.loads(file.read_text()), str(file))
    write_json(file, replace(report, provenance=replace(report.provenance, **change)).to_json())
    played.work.clear()
    reporter = Listener()
    assert make(only=["a"], reporter=reporter).finished is False
    assert played.work == []
    assert f"Not shown: {file.parents[1]} was evaluated with another {what}" in reporter.said
    make(only=["a", "e"], reporter=reporter)
    assert played.work == ["evaluate e 0"]
    assert f"Evaluating again: it was evaluated with another {what}" in reporter.said


def test_an_evaluation_of_some_metrics_or_splits_alone_is_made_again(make, played, tmp_path):
    make(only=["a", "e"])
    for row, part in (("ablations-a", "splits"), ("ablations-e", "metrics")):
        file = report_file(tmp_path, row)
        report = Report.from_json(json.loads(file.read_text()), str(file))
        write_json(file, replace(report, **{part: getattr(report, part)[:1]}).to_json())
    played.work.clear()
    make(only=["a", "e"])
    assert played.work == ["evaluate a 0", "evaluate e 0"]


def test_other_features_are_measured_of_every_row_that_is_shown(make, played):
    make(only=["a", "e"])
    played.work.clear()
    table = make(only=["e"], features="inception")
    assert played.work == ["evaluate e 0"]
    assert {row.name for row in table.rows if row.runs}.isdisjoint({"a"})
    played.work.clear()
    make(only=["a", "e"], features="inception")
    assert played.work == ["evaluate a 0"]


def test_no_column_mixes_evaluators_that_were_trained_again(make, played, tmp_path):
    make(only=["a", "e"])
    file = report_file(tmp_path)
    report = Report.from_json(json.loads(file.read_text()), str(file))
    later = replace(report.provenance, date="2027-01-01T00:00:00Z")
    networks = tuple(replace(one, weights_hash="new") for one in report.networks)
    write_json(file, replace(report, provenance=later, networks=networks).to_json())
    played.work.clear()
    played.evaluator = "new"
    make(only=["a", "e"])
    assert played.work == ["evaluate a 0"]


@pytest.mark.parametrize("other", ["configuration", "data set"])
def test_a_run_that_was_trained_otherwise_is_refused(
    make, played, tiny_run, tiny_config, tmp_path, other
):
    run = tmp_path / "out" / "runs" / "ablations-e" / "seed-0"
    shutil.copytree(tiny_run, run)
    info = Run(run).read_info()
    if other == "data set":
        config = override(overlay(tiny_config, "ablations/e"), ["training.seed=0"])
        Run(run).write_info(replace(info, config=config, data_hash="0" * 64))
    else:
        config = override(tiny_config, ["training.learning_rate=0.5"])
        Run(run).write_info(replace(info, config=config))
    with pytest.raises(UserError, match=f"seed-0 was trained with another {other} .* remove it"):
        make(only=["e"])
    assert played.work == []


class Listener(SilentReporter):
    """Keeps what it is told."""

    def __init__(self):
        self.said = []

    def message(self, text):
        self.said.append(text)


def test_one_folder_is_of_one_configuration_and_one_data_set(make, played, tiny_config, tmp_path):
    make(only=["a"])
    other = override(tiny_config, ["training.steps=7"])
    with pytest.raises(UserError, match="started with another configuration"):
        make(config=other)
    provenance = tmp_path / "out" / "reproduction.json"
    values = json.loads(provenance.read_text())
    provenance.write_text(json.dumps(values | {"data_hash": "0"}))
    with pytest.raises(UserError, match="started with another data set"):
        make()
    provenance.write_text("{}")
    with pytest.raises(UserError, match=r"reproduction\.json is damaged"):
        make()


def test_two_at_a_time_are_refused(make, played, tmp_path):
    (tmp_path / "out").mkdir()
    with (
        FileLock(tmp_path / "out" / ".lock"),
        pytest.raises(UserError, match="in use by another `cargan reproduce`"),
    ):
        make()


def test_an_unknown_row_is_answered_with_those_there_are(make):
    with pytest.raises(
        UserError, match=r"no row 'shufled'; its rows are a, .* Did you mean 'shuffled'"
    ):
        make(only=["shufled"])
