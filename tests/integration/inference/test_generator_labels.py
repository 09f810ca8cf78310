"""Labels: given, recognized, mixed, unknown."""

import numpy as np
import pytest
from helpers.tones import RATE, distance, drawn_from, tone

from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator


@pytest.mark.parametrize("name", ["vn", "Violin", "fiddle", " violin "])
def test_names_in_common_use_are_understood(generator, name):
    image = generator.generate(tone(), RATE, name)
    np.testing.assert_array_equal(image, generator.generate(tone(), RATE, "violin"))


@pytest.mark.parametrize(("name", "nearest"), [("violn", "violin"), ("celloo", "cello")])
def test_an_unknown_label_names_the_nearest_and_all(generator, name, nearest):
    with pytest.raises(UserError, match=rf"Did you mean '{nearest}'.*cello, flute, violin"):
        generator.generate(tone(), RATE, name)


def test_an_instrument_of_other_data_is_unknown_here(generator):
    with pytest.raises(UserError, match="unknown label 'tuba'"):
        generator.generate(tone(), RATE, "tuba")


def test_an_unknown_label_is_found_before_anything_is_drawn(generator, write):
    with pytest.raises(UserError, match="unknown label"):
        next(generator.generate_files([write(tone())] * 2, ["violin", "kazoo"]))


def test_without_a_label_the_instrument_is_recognized(generator, write):
    path = write(tone())
    (measured,) = generator.recognize([generator.read_clip(path)])
    generated = drawn_from(generator, path, label=None)
    assert generated.label_weights == {measured.label: 1.0}
    assert generated.confidence == pytest.approx(measured.confidence, abs=1e-5)
    assert distance(generated.image, drawn_from(generator, path, measured.label).image) <= 1
    assert distance(generated.image, generator.generate(tone(), RATE)) <= 1


def test_probabilities_are_by_label(generator):
    (measured,) = generator.recognize([generator.clip(tone(), RATE)])
    assert tuple(measured.probabilities) == generator.labels
    total = measured.none + sum(measured.probabilities.values())
    assert total == pytest.approx(1, abs=1e-5)


def test_a_given_label_has_no_confidence(generator, write):
    assert drawn_from(generator, write(tone()), "vn").confidence is None


def test_some_labels_given_some_not(generator):
    clips = [generator.clip(tone(frequency=200 + 90 * index), RATE) for index in range(4)]
    measured = [recognition.label for recognition in generator.recognize(clips)]
    generated = generator.generate_clips(clips, ["flute", None, {"vn": 1, "cello": 3}, None])
    assert [one.label_weights for one in generated] == [
        {"flute": 1.0},
        {measured[1]: 1.0},
        {"cello": 0.75, "violin": 0.25},
        {measured[3]: 1.0},
    ]
    assert [one.confidence is None for one in generated] == [True, False, True, False]


def test_a_mix_of_labels_is_scaled_to_one(generator):
    once = generator.generate(tone(), RATE, {"violin": 0.5, "cello": 0.5})
    np.testing.assert_array_equal(once, generator.generate(tone(), RATE, {"vn": 7, "vc": 7}))
    assert distance(once, generator.generate(tone(), RATE, "violin")) > 1


def test_a_model_that_cannot_recognize_asks_for_a_label(generator, monkeypatch):
    monkeypatch.setattr(Generator, "recognizes", False)
    with pytest.raises(UserError, match="give a label, one of cello, flute, violin"):
        generator.generate(tone(), RATE)
    with pytest.raises(UserError, match="give a label"):
        next(generator.generate_files([], [None]))
