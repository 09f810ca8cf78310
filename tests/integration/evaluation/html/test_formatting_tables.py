from cargan_tf.evaluation.html.formatting import Cell, value_table, values_by_class


def test_a_line_a_metric_that_was_measured_and_a_column_a_row(report):
    rows = report.splits[1].rows
    table = value_table(report, rows)
    assert table.columns == ("refined", "coarse", "class mean", "real photos", "deaf")
    lines = {line.title: line for line in table.lines}
    assert list(lines) == ["FID", "IS", "R@1", "accuracy, evaluator", "L1"], "in the report's order"
    assert lines["FID"].better == "lower"
    assert lines["FID"].meaning == "Distance of features."
    assert lines["FID"].cells[1:] == (None,) * 4
    refined, coarse, mean, _, deaf = lines["R@1"].cells
    assert refined == Cell("0.250", ("95 %: 0.200 to 0.300", "chance 0.167"))
    assert coarse is None
    assert (mean.text, deaf.text) == ("0.167", "0.100")


def test_rows_without_figures_have_no_lines(report):
    assert value_table(report, []).lines == ()


def test_a_line_a_class_with_the_metrics_that_know_classes(report):
    table = values_by_class(report, report.splits[1].rows[0])
    assert table.columns == ("R@1",)
    assert [line.title for line in table.lines] == list(report.labels)
    assert [line.cells for line in table.lines] == [(Cell("0.250"),)] * 2
