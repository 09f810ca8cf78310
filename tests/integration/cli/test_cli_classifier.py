import json

import pytest

#: Enough to run, not to learn.
SHORT = ("--set", "classifier.epochs=1")


def test_accuracy_is_told_and_the_next_command_proposed(cargan, data):
    done = cargan("classifier", data, *SHORT, "--set", "classifier.minimum_accuracy=0")
    assert done.status == 0, done.err
    assert done.out.startswith("Accuracy ")
    assert " on 12 validation photos.\n" in done.out
    assert "Classifier: 3/3, " in done.err
    assert (data / "classifier" / "classifier.json").is_file()
    assert done.next == (
        f"cargan train {data} --set classifier.epochs=1 --set classifier.minimum_accuracy=0"
    )


def test_one_that_learned_too_little_is_refused_with_what_to_do(cargan, data):
    # A rate at which nothing moves: at best a third is right.
    still = ("--set", "classifier.learning_rate=1e-12")
    error = cargan("classifier", data, *SHORT, *still).error
    assert "below classifier.minimum_accuracy = 0.9" in error
    assert "--set classifier.epochs=" in error


def test_out_is_named_in_the_next_command(cargan, data, tmp_path):
    words = (*SHORT, "--set", "classifier.minimum_accuracy=0")
    done = cargan("classifier", "--out", "evaluator", *words, cwd=tmp_path)
    assert done.next.startswith("cargan train data --classifier evaluator")
    report = json.loads((tmp_path / "evaluator" / "classifier.json").read_text("utf-8"))
    assert report["labels"] == ["cello", "flute", "violin"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing",), "no prepared data set in missing"),
        (("data", "--set", "classifer.epochs=1"), "Did you mean 'classifier'?"),
        (("data", "--config", "quickstart"), "the data set was made with audio."),
        (("data", "--set", "classifier.weights=imagenet"), "set classifier.weights=none"),
    ],
)
def test_bad_input_is_named(cargan, data, words, said):
    assert said in cargan("classifier", *words, cwd=data.parent).error


def test_an_evaluator_s_accuracy_is_told(cargan, data, monkeypatch):
    from cargan_tf.evaluation.networks import evaluator

    # Its training is tested in test_evaluator.py.
    monkeypatch.setattr(evaluator, "_fit", lambda *_: None)
    done = cargan("classifier", "--evaluator", data, "--set", "evaluator.minimum_accuracy=0")
    assert done.status == 0, done.err
    assert done.out.endswith(" on 12 validation photos.\n")
    assert (data / "evaluators" / "evaluators.json").is_file()


def test_an_evaluator_is_kept_where_evaluations_look(cargan, data):
    assert "DATA/evaluators" in cargan("classifier", "--evaluator", data, "--out", "here").error


def test_the_classifier_of_sounds_is_measured_too(cargan, data, tmp_path):
    words = ("--audio", "--set", "sound_classifier.steps=3", "--out", "ears")
    done = cargan("classifier", data, *words, cwd=tmp_path)
    assert done.status == 0, done.err
    assert " on 12 validation clips, " in done.out
    assert " recordings; expected calibration error " in done.out
    assert "Sound classifier: 3/3, " in done.err
    assert (tmp_path / "ears" / "sound_classifier.json").is_file()


def test_one_classifier_at_a_time(cargan, data):
    assert (
        "--evaluator and --audio cannot be used together"
        in cargan("classifier", data, "--evaluator", "--audio").error
    )
