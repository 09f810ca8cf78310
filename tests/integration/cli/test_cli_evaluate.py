import json
import shutil

import pytest


@pytest.fixture
def stray_data(tiny_data, tmp_path):
    return shutil.copytree(tiny_data, tmp_path / "data")


def test_a_table_a_report_and_a_page(cargan, run, tiny_run, tmp_path):
    deaf, folder = shutil.copytree(tiny_run, tmp_path / "deaf"), tmp_path / "out"
    # Without an evaluator and without ImageNet's features, which take their time.
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


@pytest.mark.parametrize("words", [("--split", "test"), ("--metric", "l1"), ("--clips", 3)])
def test_options_of_a_data_set_and_recordings_exclude_each_other(cargan, run, tmp_path, words):
    done = cargan("evaluate", run, "--recordings", tmp_path, *words)
    assert f"--recordings and {words[0]} cannot be used together" in done.error


def test_somebody_elses_test_set_is_measured(cargan, run, tiny_run, tiny_source, tmp_path):
    """It has no training split and not all labels: what is fitted on photos is the run's own."""
    lines = (tiny_source / "manifest.csv").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("test,") and ",flute," not in line]
    theirs = tmp_path / "theirs"
    shutil.copytree(tiny_source, theirs)
    (theirs / "manifest.csv").write_text("\n".join([lines[0], *rows]), "utf-8")
    made = tmp_path / "made"
    words = ("--normalization-from", tiny_run, "--workers", 1)
    assert cargan("preprocess", theirs, made, *words).status == 0
    metrics = ("l1", "retrieval_1", "classifier_accuracy", "pose_loudness")
    asked = [word for metric in metrics for word in ("--metric", metric)]
    examples = []
    for more in (("--data", made), ("--split", "test")):
        out = tmp_path / more[0]
        done = cargan("evaluate", run, "-o", out, *more, *asked)
        assert done.status == 0, done.err
        (split,) = json.loads((out / "report.json").read_text("utf-8"))["splits"]
        examples.append({example["key"]: example for example in split["examples"]})
    theirs, own = examples
    assert len(theirs) == 8
    for key, example in theirs.items():  # the same clips, and so the same images
        for name in ("label", "rank", "predictions"):
            assert example[name] == own[key][name]
        assert example["refined_l1"] == pytest.approx(own[key]["refined_l1"], abs=1e-4)


@pytest.mark.parametrize("words", [("--split", "test"), ("--metric", "fid"), ("--clips", 3)])
def test_a_video_is_no_part_of_a_data_set(cargan, run, words):
    done = cargan("evaluate", run, "--video", *words)
    assert f"--video and {words[0]} cannot be used together" in done.error


def test_a_video_is_measured_and_its_values_are_printed(cargan, run, tmp_path, monkeypatch):
    monkeypatch.setattr("cargan_tf.inference.video_report.SECONDS", 6.0)
    done = cargan("evaluate", run, "--video", "-o", tmp_path / "out")
    assert done.status == 0, done.err
    assert "6 s, 150 frames," in done.out
    assert "same player ↑: " in done.out
    assert "lag, ms: " in done.out
    assert (tmp_path / "out" / "video.json").is_file()
    assert (tmp_path / "out" / "video.mp4").is_file()


def test_a_video_of_an_exported_model_needs_data(cargan, tiny_model, tmp_path):
    error = cargan("evaluate", tiny_model, "--video", cwd=tmp_path).error
    assert "pass --data" in error
