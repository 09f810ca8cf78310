"""Training batches of the sound classifier: balanced over classes and sources, and augmented."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.augmentation import augment
from cargan_tf.audio.clips import from_int16, mix_waveforms
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.config import AudioConfig, Config
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.other_sounds import read_other_sounds
from cargan_tf.data.records import read_sounds
from cargan_tf.data.sampling import stratified_sample
from cargan_tf.models.sound_classifier import sound_classifier_audio
from cargan_tf.utils.arrays import FloatArray, IntArray

#: Clips of a split that are held in memory: 880 MB at 44.1 kHz.
MAX_CLIPS: Final = 20_000
#: Fraction of each batch that is of none of the labels.
OTHER_FRACTION: Final = 0.15
#: Of these, fraction that are two clips of different labels at once rather than other sounds.
MIXTURE_FRACTION: Final = 0.3
#: Labels that a source lacks are not held against it: of real recordings without a violin, the
#: network would learn that what sounds real is no violin. Their logits are lowered by this in the
#: loss, which asks so much less of them.
MISSING_LABEL_MARGIN: Final = 1.5
#: SpecAugment (Park et al. 2019): each mask hides at most these fractions of bands and frames.
MASKED_BANDS, MASKED_FRAMES = 0.12, 0.2
#: Batches that are prepared ahead, by as many threads.
AHEAD: Final = 2


@dataclass(frozen=True, eq=False)
class Sounds:
    """The sounds of a split.

    Attributes:
        waveforms: int16 [N, samples]; [N, 0] if the source has spectrograms only.
        log_mels: [N, n_mels, frames] in that case, else [0, ...].
        labels: class index of each, [N].
        sources: index into the names of sources, [N].
        recordings: name of each one's recording, [N].
        others: int16 [M, samples], of none of the labels.
    """

    waveforms: NDArray[np.int16]
    log_mels: FloatArray
    labels: IntArray
    sources: IntArray
    recordings: tuple[str, ...]
    others: NDArray[np.int16]


class SoundBatch(NamedTuple):
    """Log-mels [B, n_mels, frames], classes [B], and the loss's offsets of logits [B, K + 1]."""

    log_mels: FloatArray
    classes: IntArray
    offsets: FloatArray


def load_sounds(dataset: DatasetInfo, path: Path, split: str, seed: int) -> Sounds:
    """The sounds of a split, at most ``MAX_CLIPS``, evenly over the classes."""
    chosen = stratified_sample(dataset, path, split, MAX_CLIPS, seed)
    columns = read_sounds(dataset, path, split, chosen)
    names = sorted(set(columns["source"]))
    waveforms = np.stack([np.frombuffer(one, "<i2") for one in columns["waveform"]])
    audio = dataset.config.audio
    shape = (audio.n_mels, audio.frames)
    log_mels = np.zeros((0, *shape), np.float32)
    if not waveforms.shape[1]:
        log_mels = np.stack(
            [np.frombuffer(one, "<f4").reshape(shape) for one in columns["log_mel"]]
        )
    return Sounds(
        waveforms=waveforms,
        log_mels=log_mels,
        labels=np.asarray(columns["label"], np.int64),
        sources=np.array([names.index(one) for one in columns["source"]], np.int64),
        recordings=tuple(one.decode() for one in columns["recording"]),
        others=read_other_sounds(dataset, path, split),
    )


def features(sounds: NDArray[np.int16], audio: AudioConfig) -> FloatArray:
    """[N, n_mels, frames] of stored waveforms [N, samples]."""
    return log_mel(from_int16(sounds), audio)


class SoundBatches:
    """An endless stream of batches; batch k is a function of the seed and k alone."""

    def __init__(self, sounds: Sounds, config: Config, label_count: int) -> None:
        self._sounds, self._config, self._labels = sounds, config, label_count
        self._audio = sound_classifier_audio(config)
        sources = range(int(sounds.sources.max()) + 1)
        #: Of each label, the indices of its sounds from each source that has some.
        self._of_label = []
        for label in range(label_count):
            own = sounds.labels == label
            parts = [np.flatnonzero(own & (sounds.sources == source)) for source in sources]
            self._of_label.append([part for part in parts if len(part)])
        self._offsets = np.zeros((len(sources), label_count + 1), np.float32)
        for source in sources:
            present = set(sounds.labels[sounds.sources == source].tolist())
            missing = [label for label in range(label_count) if label not in present]
            self._offsets[source, missing] = -MISSING_LABEL_MARGIN

    def __iter__(self) -> Iterator[SoundBatch]:
        with ThreadPoolExecutor(AHEAD, "cargan-sounds") as pool:
            ahead = deque(pool.submit(self.batch, index) for index in range(AHEAD))
            index = AHEAD
            while True:
                ahead.append(pool.submit(self.batch, index))
                index += 1
                yield ahead.popleft().result()

    def batch(self, index: int) -> SoundBatch:
        """Batch number ``index``."""
        seed = self._config.training.seed
        size = self._config.sound_classifier.batch_size
        random = np.random.default_rng(np.random.SeedSequence([seed, index]))
        examples = [self._example(random) for _ in range(size)]
        contents = np.stack([content for content, _, _ in examples])
        has_waveforms = bool(self._sounds.waveforms.shape[1])
        log_mels = log_mel(contents, self._audio) if has_waveforms else contents
        for one in log_mels:
            _mask(one, random)
        classes = np.array([label for _, label, _ in examples], np.int64)
        return SoundBatch(log_mels, classes, np.stack([offsets for _, _, offsets in examples]))

    def _example(self, random: np.random.Generator) -> tuple[FloatArray, int, FloatArray]:
        """A waveform [samples] or log-mel, its class, and the offsets of its source."""
        sounds, settings = self._sounds, self._config.augmentation
        no_offsets = np.zeros(self._labels + 1, np.float32)
        if not sounds.waveforms.shape[1]:
            index = self._choose(random, int(random.integers(self._labels)))
            return sounds.log_mels[index].copy(), int(sounds.labels[index]), no_offsets
        if random.random() < OTHER_FRACTION:
            label, offsets, wave = self._labels, no_offsets, self._other_sound(random)
        else:
            index = self._choose(random, int(random.integers(self._labels)))
            label = int(sounds.labels[index])
            wave = from_int16(sounds.waveforms[index])
            offsets = self._offsets[sounds.sources[index]]
        if random.random() < settings.classifier_fraction:
            wave = augment(wave, self._audio.sample_rate, settings, random)
        return wave, label, offsets

    def _other_sound(self, random: np.random.Generator) -> FloatArray:
        """[samples] of none of the labels: two labels at once, a sound of ``others``, or noise."""
        sounds = self._sounds
        mixed = not len(sounds.others) or random.random() < MIXTURE_FRACTION
        if mixed and self._labels > 1:
            pair = random.choice(self._labels, 2, replace=False)
            first, second = (sounds.waveforms[self._choose(random, int(one))] for one in pair)
            alpha = float(random.uniform(0.35, 0.65))
            return mix_waveforms(from_int16(first), from_int16(second), alpha)
        if len(sounds.others):
            return from_int16(sounds.others[random.integers(len(sounds.others))])
        noise = random.standard_normal(sounds.waveforms.shape[1])
        return np.asarray(0.1 * noise, np.float32)

    def _choose(self, random: np.random.Generator, label: int) -> int:
        """A sound of a label, each of its sources as probable as the others."""
        of_sources = self._of_label[label]
        indices = of_sources[random.integers(len(of_sources))]
        return int(indices[random.integers(len(indices))])


def _mask(log_mel: FloatArray, random: np.random.Generator) -> None:
    """Hide some bands and frames of [n_mels, frames] behind the mean, in place."""
    bands, frames = log_mel.shape
    mean = log_mel.mean()
    if random.random() < 0.5:
        width = int(random.integers(0, int(MASKED_BANDS * bands) + 1))
        first = int(random.integers(0, bands - width + 1))
        log_mel[first : first + width] = mean
    if random.random() < 0.5:
        width = int(random.integers(0, int(MASKED_FRAMES * frames) + 1))
        first = int(random.integers(0, frames - width + 1))
        log_mel[:, first : first + width] = mean
