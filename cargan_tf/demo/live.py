"""Images of a sound while it is played: its last moments, the instrument, one image at a time.

It knows nothing of browsers; ``demo/live_endpoint.py`` brings it sound and takes its images away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip, cut_clip, from_int16
from cargan_tf.audio.mixdown import to_mono_at_rate
from cargan_tf.audio.notes import DetectedNote, find_notes
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.result import Recognition
from cargan_tf.inference.video_clips import REST_DB, cut_frame, frame_at, resting_clip
from cargan_tf.utils.arrays import FloatArray, ImageArray

#: What is held of the sound: three clips, so that a note's onset is there as long as its clip.
WINDOW_SECONDS: Final = 1.5
#: Nothing is generated before so much has come: a microphone's own noise is not known sooner.
FIRST_SECONDS: Final = 0.3
#: Between two recognitions, and how many of them are averaged.
RECOGNITION_SECONDS: Final = 0.25
RECOGNITIONS: Final = 12
#: It is recognized while so much of a clip sounds. On the 13 samples the label
#: then changes 4 times, and 9 times without this condition.
SOUNDING: Final = 0.5
#: Another instrument must be so much more probable than the one that is shown.
MARGIN: Final = 0.2
#: Hz that a browser may have.
MIN_RATE, MAX_RATE = 8_000, 192_000


@dataclass(frozen=True)
class RecentSound:
    """What is held of a sound.

    Attributes:
        samples: the last of it, [samples].
        total: samples since it began.
    """

    samples: FloatArray
    total: int


class SlidingWindow:
    """Holds the last ``size`` samples of a sound, however many come."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: FloatArray = np.zeros(0, np.float32)
        self._total = 0

    def add(self, samples: NDArray[np.int16]) -> None:
        """Take in the next [samples]."""
        self._total += len(samples)
        new = from_int16(samples[-self._size :])
        self._held = np.concatenate([self._held[max(0, len(new) - self._size) :], new])
        self._held = self._held[-self._size :]

    def recent(self) -> RecentSound:
        """What is held now; it does not change any more."""
        return RecentSound(self._held, self._total)


class SteadyRecognition:
    """The instrument over the last seconds; it changes only for one that is clearly more probable.

    Single half seconds are recognized differently within one tune; the player would flicker.
    """

    def __init__(self, count: int = RECOGNITIONS, margin: float = MARGIN) -> None:
        """``count`` recognitions are averaged; ``margin`` is between 0 and 1."""
        self._margin = margin
        self._last: deque[Recognition] = deque(maxlen=count)
        self.label: str | None = None

    def add(self, recognition: Recognition) -> None:
        """Take in the next; silence says nothing."""
        if recognition.silent:
            return
        self._last.append(recognition)
        mean = self._mean()
        best = max(mean, key=mean.__getitem__)
        margin = self._margin * len(self._last) / (self._last.maxlen or 1)  # little is soon revised
        if self.label is None or mean[best] > mean[self.label] + margin:
            self.label = best

    def forget(self) -> None:
        """After a rest whatever comes counts alone; until then the label stays."""
        self._last.clear()

    @property
    def is_none(self) -> bool:
        """Whether it is more probably none of the instruments."""
        return self.label is not None and bool(self._last) and self._none() > self._probability()

    def describe(self) -> str:
        """In words, such as ``violin (93%)``."""
        if self.label is None:
            return ""
        if self.is_none:
            return f"none of the instruments ({self._none():.0%})"
        name = self.label.replace("_", " ")
        return f"{name} ({self._probability():.0%})" if self._last else name

    def _mean(self) -> Mapping[str, float]:
        return {
            label: sum(one.probabilities[label] for one in self._last) / len(self._last)
            for label in self._last[0].probabilities
        }

    def _none(self) -> float:
        return sum(one.none for one in self._last) / len(self._last)

    def _probability(self) -> float:
        assert self.label is not None
        return self._mean()[self.label]


@dataclass(frozen=True)
class LiveImage:
    """An image of what is played.

    Attributes:
        image: [H, W, 3].
        label: the instrument.
        description: the instrument in words, with its probability if it was recognized.
        resting: whether nothing sounds.
    """

    image: ImageArray
    label: str
    description: str
    resting: bool


class LiveSession:
    """The sound of one visitor, and the images of it."""

    def __init__(self, generator: Generator, rate: int) -> None:
        """Images by ``generator`` of a sound at ``rate`` Hz.

        Raises:
            UserError: such a rate is no browser's.
        """
        if not MIN_RATE <= rate <= MAX_RATE:
            raise UserError(f"received a rate of {rate} Hz; expected {MIN_RATE} to {MAX_RATE} Hz.")
        self._generator, self._rate = generator, rate
        self._window = SlidingWindow(round(WINDOW_SECONDS * rate))
        self._recognition = SteadyRecognition()
        self._recognized_at = -rate
        self._label: str | None = None
        self._shown = self._rests = False

    def choose(self, label: str | None, player: int | None = None) -> None:
        """Show ``label``, or what is recognized, and a player of it.

        Raises:
            UserError: there is no such label or player, or the model does not recognize labels.
        """
        self._generator.check_labels([label])
        if player is not None:
            self._generator = self._generator.with_player(player)
        self._label = label
        self._shown = self._rests = False

    def add(self, samples: NDArray[np.int16]) -> None:
        """Take in the next [samples]; what is too old to be shown is forgotten."""
        self._window.add(samples)

    def recent(self) -> RecentSound:
        """What ``generate`` needs; it may run in another thread while ``add`` goes on."""
        return self._window.recent()

    def generate(self, sound: RecentSound) -> LiveImage | None:
        """The image of the end of a sound; ``None`` if there is nothing new to be seen.

        As in a video, the clip is of the note that sounds, and in a rest the player sinks to rest
        and stays so.
        """
        if sound.total < FIRST_SECONDS * self._rate:
            return None
        audio = self._generator.audio
        waveform = to_mono_at_rate(sound.samples, self._rate, audio.sample_rate)
        notes = find_notes(waveform, audio)
        if not notes:
            self._recognition.forget()
            return None if self._shown else self._resting_image()
        frame = frame_at(notes, len(waveform), audio.clip_samples, audio.sample_rate)
        clip = cut_frame(waveform, notes, frame, audio)
        if self._label is None and not frame.resting:
            self._recognize(waveform, notes, sound.total)
            if self._recognition.is_none:
                return None if self._rests else self._resting_image()
        if frame.resting and frame.window.gain_db == REST_DB:
            return None if self._rests else self._image(clip, resting=True, still=True)
        return self._image(clip, frame.resting)

    def _recognize(self, waveform: FloatArray, notes: Sequence[DetectedNote], total: int) -> None:
        """From the last half second as it is, every now and then: it takes half an image's time."""
        begin = max(0, len(waveform) - self._generator.clip_samples)
        sounding = sum(max(0, note.end - max(note.begin, begin)) for note in notes)
        enough = sounding >= SOUNDING * self._generator.clip_samples
        if enough and total - self._recognized_at >= RECOGNITION_SECONDS * self._rate:
            self._recognized_at = total
            clip = cut_clip(waveform, begin, self._generator.clip_samples)
            self._recognition.add(self._generator.recognize([clip])[0])

    def _resting_image(self) -> LiveImage | None:
        """A plain player at rest, once."""
        return self._image(self._resting, resting=True, still=True)

    def _image(self, clip: Clip, resting: bool, still: bool = False) -> LiveImage | None:
        label = self._label or self._recognition.label
        if label is None:  # nothing has sounded yet
            return None
        self._shown, self._rests = True, still
        generated = self._generator.generate_clips([clip], [label])[0]
        words = label.replace("_", " ") if self._label else self._recognition.describe()
        return LiveImage(generated.image, label, words, resting)

    @cached_property
    def _resting(self) -> Clip:
        return resting_clip(self._generator.statistics, self._generator.audio)
