import numpy as np
import pytest

from cargan_tf.audio.quality import ClipQuality
from cargan_tf.inference.result import GenerationResult, Recognition

IMAGE = np.zeros((4, 4, 3), np.uint8)


def generated(**changes):
    values = {
        "image": IMAGE,
        "coarse": IMAGE,
        "residue": {},
        "waveform": np.zeros(4_000, np.float32),
        "sample_rate": 8_000,
        "spectrogram": np.zeros((4, 4, 1), np.float32),
        "label_weights": {"cello": 0.3, "violin": 0.7},
        "recognition": None,
        "start_seconds": 0.0,
        "padded_seconds": 0.0,
        "quality": ClipQuality(-20, 0.01, silent=False, noise_like=False),
    }
    return GenerationResult(**{**values, **changes})


def recognized(violin, viola=0.0, none=0.0, silent=False):
    rest = 1 - violin - viola - none
    probabilities = {"cello": rest, "viola": viola, "violin": violin}
    return Recognition(probabilities, none, silent)


def test_the_label_is_that_with_the_greatest_weight():
    assert generated().label == "violin"


def test_it_lasts_as_long_as_its_samples():
    assert generated().seconds == 0.5


def test_nothing_doubtful_no_warnings():
    assert generated(recognition=recognized(0.9)).warnings() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"padded_seconds": 0.2}, "0.20 s of silence were added"),
        ({"quality": ClipQuality(-80, 0, silent=True, noise_like=False)}, "silent (-80 dB"),
        ({"quality": ClipQuality(-9, 0.6, silent=False, noise_like=True)}, "(flatness 0.60)"),
        (
            {"recognition": recognized(0.45, 0.35)},
            "the instrument is a guess (violin (45%), viola (35%) or cello (20%))",
        ),
        (
            {"recognition": recognized(0.2, 0.1, none=0.6)},
            "it sounds like none of the 3 instruments; the image shows 'violin'",
        ),
        ({"recognition": recognized(0.9, silent=True)}, "no instrument can be recognized"),
    ],
)
def test_what_is_doubtful_is_said(changes, said):
    (warning,) = generated(**changes).warnings()
    assert said in warning


def test_silence_without_a_label_is_said_once_and_has_no_percentage():
    quality = ClipQuality(-80, 0, silent=True, noise_like=False)
    silence = generated(recognition=recognized(0.97, silent=True), quality=quality)
    (warning,) = silence.warnings()
    assert "%" not in warning
    assert silence.confidence is None
    assert silence.recognition.best() == []


def test_a_sure_label_is_named_alone_and_an_unsure_one_with_its_rivals():
    assert recognized(0.9, 0.05).describe() == "violin (90%)"
    assert recognized(0.6, 0.3).describe() == "violin (60%), viola (30%) or cello (10%)"
    unknown = recognized(0.2, 0.1, none=0.6).describe()
    assert unknown == "none of the instruments (60%); violin (20%)"
    speech = Recognition({"cello": 0.001, "viola": 0.002, "violin": 0.001}, none=0.996)
    assert speech.describe() == "none of the instruments (100%)"


def test_the_most_probable_instrument_is_recognized():
    heard = Recognition({"cello": 0.2, "flute": 0.7, "violin": 0.1})
    assert (heard.label, heard.confidence, heard.is_none) == ("flute", 0.7, False)
    assert heard.best(2) == [("flute", 0.7), ("cello", 0.2)]
