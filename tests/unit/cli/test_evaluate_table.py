from dataclasses import replace

from cargan_cli.evaluate import print_report

from cargan_tf.evaluation.report import (
    FORMAT,
    Limits,
    MetricInfo,
    MetricValue,
    Provenance,
    Report,
    Row,
    SkippedMetric,
    SplitReport,
)

L1 = MetricInfo("l1", "L1", "lower", False, "Mean difference.")


def report(*names):
    rows = tuple(Row(name, {"l1": MetricValue(0.25, 6)}) for name in names)
    split = SplitReport("test", 6, 12, rows, {}, (), ())
    origin = Provenance("", "", "", "", "", 6, "", "", "", {}, "", Limits(), {}, "")
    return Report(FORMAT, origin, ("cello",), (L1,), (), (split,), ())


def test_what_was_not_measured_takes_one_line_a_reason(capsys):
    skipped = [
        SkippedMetric(f"{metric} of {row}, {split}", reason)
        for split in ("train", "test")
        for row in ("real", "coarse", "refined")
        for metric, reason in (
            ("R@5", "no class has more than 5 photos"),
            ("FID", "no images"),
            ("R@10", "no class has more than 10 photos"),
        )
    ]
    print_report(replace(report("refined"), skipped_metrics=tuple(skipped)))
    lines = [line for line in capsys.readouterr().out.splitlines() if "Not measured" in line]
    assert lines == [
        "Not measured: R@5 of real, train and 5 more: no class has more than 5 photos",
        "Not measured: FID of real, train and 5 more: no images",
        "Not measured: R@10 of real, train and 5 more: no class has more than 10 photos",
    ]


def test_each_row_s_name_heads_its_column_whatever_is_in_it(capsys):
    print_report(report("refined", "deaf[v2]", "runs[/x]"))
    out = capsys.readouterr().out
    for name in ("refined", "deaf[v2]", "runs[/x]"):
        assert name in out
    assert out.count("0.25") == 3
    assert "test: 6 of 12 clips" in out
