import json

import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.report import REFINED, Report


def test_a_report_comes_back_as_it_was(make_report):
    report = make_report()
    assert Report.from_json(json.loads(json.dumps(report.to_json())), "report.json") == report


def test_parts_are_found_by_name(make_report):
    report = make_report(fid=12.5)
    split = report.split("test")
    assert split.row(REFINED).values["fid"].value == 12.5
    assert report.metric("fid").title == "FID"
    assert report.network("evaluator").name == "evaluator"
    for find in (report.split, report.metric, report.network, split.row):
        with pytest.raises(KeyError, match="nothing"):
            find("nothing")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 0}, "has the report format 0, this version reads 3"),
        ({"format": None}, "has the report format None"),
        ({"splits": [{}]}, "is damaged: splits.0"),
        ({"labels": 3}, "is damaged: labels"),
    ],
)
def test_what_cannot_be_read_is_named(make_report, change, said):
    with pytest.raises(UserError, match=said) as error:
        Report.from_json({**make_report().to_json(), **change}, "some/report.json")
    assert str(error.value).startswith("some/report.json")
    assert "evaluate the run again" in str(error.value)


@pytest.mark.parametrize("values", [[], "report", None])
def test_what_is_no_report_at_all_is_named(values):
    with pytest.raises(UserError, match=r"report\.json is damaged: it holds no report"):
        Report.from_json(values, "some/report.json")
