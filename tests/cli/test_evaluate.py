import shutil

import pytest

#: Measured without a judge and without ImageNet's features, which take their time.
PLAIN = ("--metric", "l1", "--metric", "retrieval_1", "--metric", "classifier_accuracy")


@pytest.fixture
def stray_data(tiny_data, tmp_path):
    return shutil.copytree(tiny_data, tmp_path / "data")


def test_a_table_a_report_and_a_page(cargan, run):
    done = cargan("evaluate", run, "--split", "test", "--clips", 6, *PLAIN)
    assert done.status == 0, done.err
    assert "test: 6 of 12 clips" in done.out
    for expected in ("refined", "coarse", "class mean", "real photos", "R@1 ↑", "L1 ↓", "chance"):
        assert expected in done.out
    assert "classifier: C, a ResNet" in done.out
    folder = run / "evaluation"
    assert done.out.splitlines()[-1] == (
        f"Report: {folder / 'report.json'}, and as a page {folder / 'report.html'}"
    )
    assert "<html" in (folder / "report.html").read_text("utf-8")


def test_what_was_not_measured_is_said(cargan, run, tmp_path):
    words = ("--metric", "retrieval_5", "--metric", "l1", "--split", "test", "-o", tmp_path / "out")
    done = cargan("evaluate", run, *words)
    assert "Not measured: R@5 of refined, test: no class has more than 5 photos" in done.out
    assert (tmp_path / "out" / "report.json").is_file()


def test_another_run_stands_beside(cargan, run, tiny_run, tmp_path):
    deaf = shutil.copytree(tiny_run, tmp_path / "deaf")
    done = cargan("evaluate", run, "--split", "test", "--metric", "l1", "--beside", deaf)
    heading = next(line for line in done.out.splitlines() if "refined" in line)
    assert "deaf" in heading


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing",), "missing holds no run"),
        (("run", "--data", "nowhere"), "no prepared data set in nowhere"),
        (("run", "--beside", "missing"), "missing holds no run"),
        (("run", "--metric", "fud"), "no metric 'fud'. Did you mean 'fid'"),
        (("run", "--split", "dev"), "has no pair in dev; it has train, validation, test"),
        (("run", "--features", "vgg", "--metric", "fid"), "no feature network 'vgg'"),
        (("run", "--clips", "0"), "0 is not in the range x>=1"),
    ],
)
def test_bad_input_is_named(cargan, run, words, said):
    assert said in cargan("evaluate", *words, cwd=run.parent).error


def test_data_of_other_labels_is_refused(cargan, run, stray_data):
    file = stray_data / "dataset.json"
    file.write_text(file.read_text("utf-8").replace('"violin"', '"tuba"'), "utf-8")
    error = cargan("evaluate", run, "--data", stray_data).error
    assert "knows the labels cello, flute, violin; the data set" in error
