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
from cargan_tf.synthetic.recording import CLIP_SAMPLES, player_of, record_clips
from cargan_tf.synthetic.synthesizer import noise_floor
from cargan_tf.synthetic.timbre import PLAYERS, generator

pytestmark = pytest.mark.slow

#: Made once: ``librosa.feature.melspectrogram`` makes them for each clip.
MEL_FILTERS = librosa.filters.mel(sr=22_050, n_fft=1024, n_mels=64)
DEFAULT = Parameters(36, 15, 0, (), SUB_URMP_LABELS)


@dataclass(frozen=True)
class MeasuredClip:
    """Clips of one split: mean and spread of each mel band, and what is to be told from them."""

    features: np.ndarray
    player: np.ndarray
    pitch: np.ndarray
    loudness: np.ndarray


def features(samples):
    spectrum = librosa.stft(samples.astype(np.float32) / 32768, n_fft=1024, hop_length=175)
    mel = MEL_FILTERS @ np.square(np.abs(spectrum))
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


def hiss(label, split):
    """As many clips of the recordings' noise floors alone."""
    numbers = [number for number, name in enumerate(DEFAULT.splits) if name == split]
    found = []
    for number in numbers:
        random = generator(DEFAULT.seed, label, number, "noise")
        noise = noise_floor(DEFAULT.clips_per_recording * CLIP_SAMPLES, random)
        parts = np.split(np.round(noise * 32767), DEFAULT.clips_per_recording)
        found += [(player_of(number), features(part)) for part in parts]
    players, heard = zip(*found, strict=True)
    unknown = np.zeros(len(players))
    return MeasuredClip(np.stack(heard), np.array(players), unknown, unknown)


def test_the_hiss_alone_does_not_tell_the_player():
    """Neither within an instrument nor over all of them; each clip's neighbors share its noise,
    so there are as many cases as recordings."""
    heard = {label: (hiss(label, "train"), hiss(label, "test")) for label in SUB_URMP_LABELS}
    together = [
        MeasuredClip(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0]))
        )
        for parts in zip(*heard.values(), strict=True)
    ]
    for splits in (heard, {"all": together}):
        assert mean_score(splits, SVC, "player") < 1 / PLAYERS + 0.1


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
