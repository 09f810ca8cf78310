import json
from statistics import fmean, stdev

import pytest

from cargan_tf.evaluation.reproduce.measured_table import (
    Measured,
    RunNote,
    TableProvenance,
    measured_table,
)
from cargan_tf.evaluation.reproduce.paper_tables import paper_table

ORIGIN = TableProvenance("tiny", "data", "d" * 64, "test", (0, 1))


def note(seed):
    return RunNote(f"runs/x/seed-{seed}", seed, 6, 90.0, "c" * 64, "k" * 64)


@pytest.fixture
def table(make_report):
    measured = {
        "ablations/e": [
            Measured(make_report(fid=value, evaluator_accuracy=0.9), note(seed))
            for seed, value in enumerate((100.0, 140.0))
        ],
        "ablations/a": [Measured(make_report(fid=150.0), note(0))],
    }
    return measured_table(paper_table("table1"), measured, ORIGIN)


def row(table, name):
    return next(row for row in table.rows if row.name == name)


def test_the_mean_and_the_spread_over_seeds(table):
    cell = row(table, "e").cells["test fid"]
    assert (cell.mean, cell.std) == (fmean([100, 140]), stdev([100, 140]))
    assert [figure.value for figure in cell.values] == [100, 140]
    assert row(table, "a").cells["test fid"].std is None


def test_rows_show_the_images_they_name(table):
    assert row(table, "class-mean").cells["test evaluator_accuracy"].mean == 1.0
    assert row(table, "real").cells["test inception_score"].mean == pytest.approx(1.9)
    assert "test fid" not in row(table, "real").cells
    assert row(table, "e").cells["test evaluator_accuracy"].mean == pytest.approx(0.9)


def test_what_is_not_measured_yet_is_absent(table):
    assert row(table, "b").cells == {}
    assert row(table, "b").runs == ()
    assert not table.finished


def test_it_is_finished_with_every_row_and_seed(make_report):
    measured = {
        overlay: [Measured(make_report(), note(seed)) for seed in ORIGIN.seeds]
        for overlay in {row.overlay for row in paper_table("table1").rows}
    }
    assert measured_table(paper_table("table1"), measured, ORIGIN).finished


def test_another_name_of_the_held_out_split_is_followed(make_report):
    provenance = TableProvenance("tiny", "data", "d" * 64, "validation", (0,))
    measured = {"ablations/e": [Measured(make_report(held_out="validation"), note(0))]}
    table = measured_table(paper_table("table2"), measured, provenance)
    assert row(table, "car-gan").cells["test evaluator_accuracy"].mean == pytest.approx(0.75)
    assert {column.split for column in table.columns} == {"train", "validation"}


def test_as_json_it_holds_everything(table):
    values = json.loads(json.dumps(table.to_json(), allow_nan=False))
    (e,) = [one for one in values["rows"] if one["name"] == "e"]
    assert e["paper"]["test fid"] == 240.7771
    assert e["cells"]["test fid"]["values"][0]["singular"] is True
    assert e["runs"][0]["checkpoint_hash"] == "k" * 64
    assert values["provenance"]["data_hash"] == "d" * 64
    assert values["networks"][0]["name"] == "evaluator"
