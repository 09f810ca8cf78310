from cargan_cli.evaluate import print_report

from cargan_tf.evaluation.report import (
    FORMAT,
    Limits,
    MetricInfo,
    MetricValue,
    Provenance,
    Report,
    Row,
    SplitReport,
)

L1 = MetricInfo("l1", "L1", "lower", False, "Mean difference.")


def report(*names):
    rows = tuple(Row(name, {"l1": MetricValue(0.25, 6)}) for name in names)
    split = SplitReport("test", 6, 12, rows, {}, (), ())
    origin = Provenance("", "", "", "", "", 6, "", "", "", {}, "", Limits(), {}, "")
    return Report(FORMAT, origin, ("cello",), (L1,), (), (split,), ())


def test_each_row_s_name_heads_its_column_whatever_is_in_it(capsys):
    print_report(report("refined", "deaf[v2]", "runs[/x]"))
    out = capsys.readouterr().out
    for name in ("refined", "deaf[v2]", "runs[/x]"):
        assert name in out
    assert out.count("0.25") == 3
    assert "test: 6 of 12 clips" in out
