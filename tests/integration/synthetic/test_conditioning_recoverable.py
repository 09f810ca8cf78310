"""The sounds carry what the images show: simple models hear it on recordings they never saw."""

from __future__ import annotations

from dataclasses import dataclass

import librosa
import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.synthetic.build import Parameters
from cargan_tf.synthetic.recording import player_of, record_clips

pytestmark = pytest.mark.slow

DEFAULT = Parameters(36, 15, 0, (), SUB_URMP_LABELS)


@dataclass(frozen=True)
class MeasuredClip:
    """Clips of one split: mean and spread of each mel band, and what is to be told from them."""

    features: np.ndarray
    player: np.ndarray
    pitch: np.ndarray
    loudness: np.ndarray


def features(samples):
    mel = librosa.feature.melspectrogram(
        y=samples.astype(np.float32) / 32768, sr=22_050, n_fft=1024, hop_length=175, n_mels=64
    )
    log_mel = 10 * np.log10(np.maximum(mel, 1e-10))
    return np.concatenate([log_mel.mean(axis=1), log_mel.std(axis=1)])


def hear(label, split):
    numbers = [number for number, name in enumerate(DEFAULT.splits) if name == split]
    clips = [
        (player_of(number), clip)
        for number in numbers
        for clip in record_clips(label, number, DEFAULT.clips_per_recording, DEFAULT.seed)
    ]
    return MeasuredClip(
        features=np.stack([features(clip.samples) for _, clip in clips]),
        player=np.array([player for player, _ in clips]),
        pitch=np.array([clip.pitch for _, clip in clips]),
        loudness=np.array([clip.loudness for _, clip in clips]),
    )


@pytest.fixture(scope="module")
def splits():
    return {label: (hear(label, "train"), hear(label, "test")) for label in SUB_URMP_LABELS}


def mean_score(splits, make_model, target):
    scores = []
    for train, test in splits.values():
        model = make_pipeline(StandardScaler(), make_model())
        model.fit(train.features, getattr(train, target))
        scores.append(model.score(test.features, getattr(test, target)))
    return float(np.mean(scores))


def test_an_svm_tells_the_players_apart(splits):
    assert mean_score(splits, SVC, "player") >= 0.90


def test_a_linear_regression_finds_the_pitch(splits):
    assert mean_score(splits, lambda: RidgeCV(np.logspace(-1, 4, 11)), "pitch") >= 0.9


def test_a_linear_regression_finds_the_loudness(splits):
    assert mean_score(splits, lambda: RidgeCV(np.logspace(-1, 4, 11)), "loudness") >= 0.8
