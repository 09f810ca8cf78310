"""A stand-in for the generator of the live tab, and sounds to play to it."""

from __future__ import annotations

import numpy as np

from cargan_tf.audio.clips import root_mean_square
from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.audio.quality import measure_quality
from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError
from cargan_tf.inference.result import GenerationResult, Recognition

AUDIO = AudioConfig(sample_rate=8_000, n_fft=512, hop_length=80, n_mels=32)
RATE = 16_000
CHUNK = RATE // 50


def recognition(cello=0.0, flute=0.0, violin=0.0, none=0.0, silent=False):
    return Recognition({"cello": cello, "flute": flute, "violin": violin}, none, silent)


class LiveGenerator:
    """Its images are of one color: how loud the clip is."""

    labels = ("cello", "flute", "violin")
    audio, sample_rate, clip_samples = AUDIO, AUDIO.sample_rate, AUDIO.clip_samples
    statistics = BandStatistics((-60.0,) * 32, (10.0,) * 32)

    def __init__(self, heard=None):
        self.heard = heard or recognition(violin=0.9, cello=0.1)
        self.asked = []  # label and clip of each image
        self.recognized = []
        self.player = 1

    def with_player(self, number):
        if number > 2:
            raise UserError(f"received player {number}")
        self.player = number
        return self

    def check_labels(self, labels):
        for label in labels:
            if label not in (None, *self.labels):
                raise UserError(f"unknown label {label}")

    def recognize(self, clips):
        self.recognized += clips
        return [self.heard for _ in clips]

    def generate_clips(self, clips, labels):
        self.asked += zip(labels, clips, strict=True)
        return [self._result(clip, label) for clip, label in zip(clips, labels, strict=True)]

    def _result(self, clip, label):
        level = round(255 * min(1, root_mean_square(clip.samples)))
        return GenerationResult(
            image=np.full([4, 4, 3], level, np.uint8),
            coarse=np.zeros([4, 4, 3], np.uint8),
            residue={},
            waveform=clip.samples,
            sample_rate=AUDIO.sample_rate,
            spectrogram=np.zeros([4, 4, 1], np.float32),
            label_weights={label: 1.0},
            recognition=None,
            start_seconds=0,
            padded_seconds=0,
            quality=measure_quality(clip.samples, AUDIO),
        )


def tone(seconds, hertz=440.0, amplitude=0.3):
    times = np.arange(round(seconds * RATE)) / RATE
    return np.round(32767 * amplitude * np.sin(2 * np.pi * hertz * times)).astype(np.int16)


def rest(seconds):
    return np.zeros(round(seconds * RATE), np.int16)
