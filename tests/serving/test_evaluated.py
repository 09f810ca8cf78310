import json

import pytest

from cargan_tf.errors import UserError
from cargan_tf.serving.evaluated import figures_of

REPORT = {
    "origin": {"step": 6},
    "splits": [
        {
            "split": "test",
            "rows": [
                {"name": "refined", "figures": {"accuracy": {"value": 0.75, "pictures": 12}}},
                {"name": "real photos", "figures": {"accuracy": {"value": 1.0, "pictures": 12}}},
            ],
        }
    ],
}


def write(run, text):
    (run / "evaluation").mkdir()
    (run / "evaluation" / "report.json").write_text(text)


def test_the_figures_of_the_refined_pictures_are_taken(tmp_path):
    write(tmp_path, json.dumps(REPORT))
    assert figures_of(tmp_path, step=6) == {"test": {"accuracy": 0.75}}


def test_a_report_on_another_checkpoint_does_not_count(tmp_path):
    write(tmp_path, json.dumps(REPORT))
    assert figures_of(tmp_path, step=7) is None


def test_a_run_that_was_not_evaluated_has_none(tmp_path):
    assert figures_of(tmp_path, step=6) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"origin": {"step": 6}, "splits": [1]}'])
def test_a_damaged_report_is_named(tmp_path, text):
    write(tmp_path, text)
    with pytest.raises(UserError, match=r"report\.json is damaged: evaluate the run again"):
        figures_of(tmp_path, step=6)
