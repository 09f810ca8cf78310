import numpy as np
import pytest

from cargan_tf.audio.quality import ClipQuality
from cargan_tf.inference.result import GenerationResult, Recognition, low_confidence_warning

PICTURE = np.zeros((4, 4, 3), np.uint8)


def generated(**changes):
    values = {
        "image": PICTURE,
        "coarse": PICTURE,
        "residue": {},
        "waveform": np.zeros(4_000, np.float32),
        "sample_rate": 8_000,
        "spectrogram": np.zeros((4, 4, 1), np.float32),
        "label_weights": {"cello": 0.3, "violin": 0.7},
        "confidence": None,
        "start_seconds": 0.0,
        "padded_seconds": 0.0,
        "quality": ClipQuality(-20, 0.01, silent=False, noise_like=False),
    }
    return GenerationResult(**{**values, **changes})


def test_the_label_is_that_with_the_greatest_share():
    assert generated().label == "violin"


def test_it_lasts_as_long_as_its_samples():
    assert generated().seconds == 0.5


def test_nothing_doubtful_no_warnings():
    assert generated(confidence=0.9).warnings() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"padded_seconds": 0.2}, "0.20 s of silence were added"),
        ({"quality": ClipQuality(-80, 0, silent=True, noise_like=False)}, "silent (-80 dB"),
        ({"quality": ClipQuality(-9, 0.6, silent=False, noise_like=True)}, "(flatness 0.60)"),
        ({"confidence": 0.3}, "the instrument is a guess (cello and violin, 30%)"),
    ],
)
def test_what_is_doubtful_is_said(changes, said):
    (warning,) = generated(**changes).warnings()
    assert said in warning


@pytest.mark.parametrize("confidence", [None, 0.5, 1.0])
def test_a_given_or_sure_label_is_not_doubted(confidence):
    assert low_confidence_warning({"cello": 1.0}, confidence) == []


def test_the_most_probable_instrument_is_recognized():
    heard = Recognition({"cello": 0.2, "flute": 0.7, "violin": 0.1})
    assert (heard.label, heard.confidence) == ("flute", 0.7)
