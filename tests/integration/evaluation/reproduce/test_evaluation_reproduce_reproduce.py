"""The plan of work, with training and evaluation played; test_cli_reproduce.py does both."""

import json
import shutil
from dataclasses import dataclass, field

import pytest
from filelock import FileLock

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.evaluation.reproduce.reproduce import ExperimentRunner, reproduce
from cargan_tf.utils.files import write_json

ORDER = ["a", "b", "c", "d", "e"]
STATS = {"step": 6, "kind": "training", "images_per_second": 24.0}


@dataclass
class Played:
    """What was asked for, in order; ``fail_at`` raises there, as a kill would end it."""

    work: list[str] = field(default_factory=list)
    fail_at: str = ""

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
        report = make_report(fid=fid, held_out=self.held_out)
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
        assert {row.name for row in table.rows if row.runs} == {"a", "e", "class-mean", "real"}
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
    assert {row.name for row in table.rows if row.runs} == {"a", "e", "class-mean", "real"}


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
