import shutil

import pytest


@pytest.fixture
def stray_data(tiny_data, tmp_path):
    return shutil.copytree(tiny_data, tmp_path / "data")


def test_a_table_a_report_and_a_page(cargan, run, tiny_run, tmp_path):
    deaf, folder = shutil.copytree(tiny_run, tmp_path / "deaf"), tmp_path / "out"
    # Without a evaluator and without ImageNet's features, which take their time.
    metrics = ("l1", "retrieval_1", "retrieval_5", "classifier_accuracy")
    asked = [word for metric in metrics for word in ("--metric", metric)]
    words = ("--split", "test", "--clips", 6, "--compare", deaf, "-o", folder, *asked)
    done = cargan("evaluate", run, *words)
    assert done.status == 0, done.err
    assert "test: 6 of 12 clips" in done.out
    heading = next(line for line in done.out.splitlines() if "refined" in line)
    for row in ("refined", "coarse", "class mean", "real photos", "deaf"):
        assert row in heading
    for expected in ("accuracy (C) ↑", "R@1 ↑", "L1 ↓", "chance 0.5", "classifier: C, a ResNet"):
        assert expected in done.out
    assert ": no class has more than 5 photos" in done.out
    assert done.out.splitlines()[-1] == (
        f"Report: {folder / 'report.json'}, and as a page {folder / 'report.html'}"
    )
    assert (folder / "report.json").is_file()
    assert "<html" in (folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing",), "missing holds no run"),
        (("run", "--data", "nowhere"), "no prepared data set in nowhere"),
        (("run", "--compare", "missing"), "missing holds no run"),
        (("run", "--metric", "fud"), "no metric 'fud'. Did you mean 'fid'"),
        (("run", "--split", "dev"), "has no pair in dev; it has train, validation, test"),
        (("run", "--features", "vgg", "--metric", "fid"), "no feature network 'vgg'"),
        (("run", "--clips", "0"), "0 is not in the range x>=1"),
        (("run", "--seed", "-1"), "-1 is not in the range x>=0"),
    ],
)
def test_bad_input_is_named(cargan, run, words, said):
    assert said in cargan("evaluate", *words, cwd=run.parent).error


def test_data_of_other_labels_is_refused(cargan, run, stray_data):
    file = stray_data / "dataset.json"
    file.write_text(file.read_text("utf-8").replace('"violin"', '"tuba"'), "utf-8")
    error = cargan("evaluate", run, "--data", stray_data).error
    assert "knows the labels cello, flute, violin; the data set" in error


@pytest.mark.parametrize("words", [("--data", "d"), ("--metric", "l1"), ("--clips", 3)])
def test_options_of_a_data_set_and_recordings_exclude_each_other(cargan, run, tmp_path, words):
    done = cargan("evaluate", run, "--recordings", tmp_path, *words)
    assert f"--recordings and {words[0]} cannot be used together" in done.error
