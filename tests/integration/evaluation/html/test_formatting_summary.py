from dataclasses import replace

from cargan_tf.evaluation.html.formatting import QUESTIONS, summary
from cargan_tf.evaluation.report import MetricInfo


def test_only_what_was_measured_is_asked_in_the_order_of_importance(report):
    asked = [headline.question.metric for headline in summary(report, report.splits[1])]
    assert asked == ["evaluator_accuracy", "retrieval_1", "fid"]
    assert [one.metric for one in QUESTIONS if one.metric in asked] == asked


def test_an_answer_stands_beside_chance_floor_and_other_rows(report):
    found = {one.question.metric: one for one in summary(report, report.splits[1])}
    assert found["retrieval_1"].value == "0.250"
    assert found["retrieval_1"].compared == (
        ("by chance", "0.167"),
        ("class mean", "0.167"),
        ("deaf", "0.100"),
    )
    assert found["fid"].compared == (("photos against photos", "44.00"),)
    assert found["evaluator_accuracy"].compared == (("class mean", "1.000"),)


def test_movement_by_sound_stands_beside_that_by_label(make_report):
    made = make_report(sound_sensitivity=0.12, label_sensitivity=0.34)
    moved = tuple(
        MetricInfo(name, name, "higher", False, "Mean difference.")
        for name in ("sound_sensitivity", "label_sensitivity")
    )
    (headline,) = summary(replace(made, metrics=moved), _only(made.splits[1], moved))
    assert headline.value == "0.12"
    assert headline.compared == (("another label", "0.34"),)


def _only(split, metrics):
    """The split with the figures of these metrics alone."""
    names = {info.name for info in metrics}
    rows = tuple(
        replace(row, values={name: row.values[name] for name in names & row.values.keys()})
        for row in split.rows
    )
    return replace(split, rows=rows)
