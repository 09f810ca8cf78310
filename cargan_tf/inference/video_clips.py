"""Which clip of a recording each frame of its video is generated from.

A frame shows the note that sounds at its time. The clip is centered on the frame as far as the note
reaches, so that it holds neither silence nor, if the note lasts half a second, another note: images
of two notes at once show two poses at once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from cargan_tf.audio.clips import Clip, louder, root_mean_square
from cargan_tf.audio.log_mel import log_mel, mel_centers
from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.audio.notes import DetectedNote
from cargan_tf.config import AudioConfig
from cargan_tf.utils.arrays import FloatArray

#: Gain of the last note's clip during a rest. At twice this value only 93 % of the images keep
#: the player, instead of 100 %.
REST_DB: Final = -6.0
#: Seconds in which that gain is reached.
SINKING_SECONDS: Final = 0.32
#: It is not softened below this much over ``audio.silence_rms_db``: what no model has learned.
ABOVE_SILENCE_DB: Final = 18.0
#: Seconds over which two notes are cross-faded where one clip is spliced of both.
_SPLICE_SECONDS: Final = 0.01
#: Tolerance so that rounding adds no frame.
_EPSILON: Final = 1e-6


@dataclass(frozen=True)
class Window:
    """A clip of a note.

    Attributes:
        note: its index.
        start: first sample in the recording.
        gain_db: added to its level.
    """

    note: int
    start: int
    gain_db: float = 0.0


@dataclass(frozen=True)
class Frame:
    """What one frame is generated from.

    Attributes:
        window: the clip.
        before: the clip from which the player moves to it; ``None`` if that is done.
        fraction: of the way that is done, 0 to 1.
        resting: whether nothing sounds at its time.
    """

    window: Window
    before: Window | None = None
    fraction: float = 1.0
    resting: bool = False

    def shown(self) -> tuple[Window, Window | None, float]:
        """All that its image depends on."""
        return self.window, self.before, self.fraction


def frame_count(samples: int, rate: int, frames_per_second: int) -> int:
    """Frames that last as long as the sound: the last may end after it, by less than its length."""
    return max(1, math.ceil(samples * frames_per_second / rate - _EPSILON))


def plan_frames(
    notes: Sequence[DetectedNote],
    count: int,
    clip_samples: int,
    rate: int,
    frames_per_second: int,
    smooth_seconds: float,
) -> list[Frame]:
    """What each frame is generated from.

    Args:
        notes: of the recording, at least one.
        count: frames.
        clip_samples: length of a clip.
        rate: samples a second.
        frames_per_second: frames a second.
        smooth_seconds: time in which the player moves from one note to the next, half of it before
            the onset.
    """
    begins = [note.begin for note in notes]
    planned = []
    for index in range(count):
        time = index * rate / frames_per_second
        # A note is shown from the frame on that is nearest to its onset.
        current = bisect_right(begins, time + rate / frames_per_second / 2) - 1
        frame = _frame(notes, current, time, clip_samples, rate)
        moved = _moved(notes, begins, time, round(smooth_seconds * rate), clip_samples, rate)
        planned.append(frame if moved is None else replace(moved, resting=frame.resting))
    return planned


def frame_at(notes: Sequence[DetectedNote], time: float, clip_samples: int, rate: int) -> Frame:
    """What is shown at a time, without movement from note to note.

    Args:
        notes: of the recording, at least one.
        time: in samples; at the end of the recording it needs no sound that is still to come.
        clip_samples: length of a clip.
        rate: samples a second.
    """
    current = bisect_right([note.begin for note in notes], time) - 1
    return _frame(notes, current, time, clip_samples, rate)


def _frame(
    notes: Sequence[DetectedNote], current: int, time: float, clip_samples: int, rate: int
) -> Frame:
    if current < 0:  # before the first note
        return Frame(_window(notes, 0, 0, clip_samples, REST_DB), resting=True)
    note = notes[current]
    silent = time - note.end
    if silent <= 0:
        return Frame(_window(notes, current, time, clip_samples))
    gain = REST_DB * min(1.0, silent / (SINKING_SECONDS * rate))
    return Frame(_window(notes, current, note.tail, clip_samples, gain), resting=True)


def _window(
    notes: Sequence[DetectedNote],
    index: int,
    time: float,
    clip_samples: int,
    gain_db: float = 0.0,
) -> Window:
    """Centered on ``time`` as far as the note reaches; a note shorter than a clip is all of it."""
    note = notes[index]
    last = max(note.begin, note.tail - clip_samples)
    start = round(min(max(time - clip_samples / 2, note.begin), last))
    return Window(index, start, gain_db)


def _moved(
    notes: Sequence[DetectedNote],
    begins: Sequence[int],
    time: float,
    smooth: int,
    clip_samples: int,
    rate: int,
) -> Frame | None:
    """A frame on the way to the note whose onset is nearest; ``None`` if there is none so near."""
    if not smooth:
        return None
    after = bisect_right(begins, time)
    near = [index for index in (after - 1, after) if 0 <= index < len(notes)]
    index = min(near, key=lambda index: abs(time - begins[index]))
    fraction = (time - begins[index]) / smooth + 0.5
    if not 0 < fraction < 1:
        return None
    before = _frame(notes, index - 1, min(time, begins[index]), clip_samples, rate).window
    return Frame(_window(notes, index, begins[index], clip_samples), before, fraction)


def cut_frame(
    waveform: FloatArray, notes: Sequence[DetectedNote], frame: Frame, audio: AudioConfig
) -> Clip:
    """The clip that a frame is generated from.

    Args:
        waveform: [samples], in which ``notes`` were found.
        notes: of it.
        frame: planned with them.
        audio: rate and length of the clip.
    """
    clip = _cut(waveform, notes, frame.window, audio)
    if frame.before is None:
        return clip
    before = _cut(waveform, notes, frame.before, audio)
    return replace(clip, samples=_spliced(before.samples, clip.samples, frame.fraction, audio))


def _cut(
    waveform: FloatArray, notes: Sequence[DetectedNote], window: Window, audio: AudioConfig
) -> Clip:
    note, length = notes[window.note], audio.clip_samples
    held = waveform[window.start : min(window.start + length, note.tail)]
    missing = length - len(held)
    # Forth and back where the note is shorter than a clip: its pitch, level and spectrum stay.
    samples = np.pad(held, (missing // 2, missing - missing // 2), mode="symmetric")
    clip = Clip(samples.astype(np.float32), window.start, 0)
    if not window.gain_db:
        return clip
    level = 20 * math.log10(max(root_mean_square(samples), _EPSILON))
    room = min(0.0, audio.silence_rms_db + ABOVE_SILENCE_DB - level)
    return louder(clip, max(window.gain_db, room))


def _spliced(
    before: FloatArray, after: FloatArray, fraction: float, audio: AudioConfig
) -> FloatArray:
    """The end of one clip, then the beginning of the other, which takes ``fraction`` of it."""
    length = len(after)
    kept = length - round(fraction * length)
    joined = np.concatenate([before[length - kept :], after[: length - kept]])
    fade = min(round(_SPLICE_SECONDS * audio.sample_rate), kept, length - kept)
    if fade:
        rising = np.linspace(0, 1, 2 * fade, dtype=np.float32)
        ends = before[length - fade :], before[length - fade :][::-1]
        begins = after[:fade][::-1], after[:fade]
        joined[kept - fade : kept + fade] = (1 - rising) * np.concatenate(ends)
        joined[kept - fade : kept + fade] += rising * np.concatenate(begins)
    return np.asarray(joined, np.float32)


def resting_clip(statistics: BandStatistics, audio: AudioConfig) -> Clip:
    """Noise with the mean spectrum of the training data.

    The networks see nearly zeros, the mean of what they learned from, and generate a plain player
    from it; from silence, which lies far from all of it, parts of several.

    Args:
        statistics: of the training data.
        audio: rate, bands and length of the clip.
    """
    noise = np.random.default_rng(0).standard_normal(audio.clip_samples)
    wanted = np.asarray(statistics.mean)
    if audio.log_mel_scale == "clip":  # fractions of a clip's range
        wanted = audio.floor_db * (1 - wanted)
    decibels = audio.model_copy(update={"log_mel_scale": "decibels"})
    gains = wanted - log_mel(noise[None], decibels)[0].mean(axis=1)
    frequencies = np.fft.rfftfreq(len(noise), 1 / audio.sample_rate)
    amplitudes = 10 ** (np.interp(frequencies, mel_centers(audio), gains) / 20)
    shaped = np.fft.irfft(np.fft.rfft(noise) * amplitudes, len(noise))
    return Clip(shaped.astype(np.float32), 0, 0)
