"""The clip of a pair out of its sound file, also where the file is a whole recording."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from cargan_tf.audio.clips import Clip, cut_clip
from cargan_tf.audio.decode import opened, read_audio, to_mono_at_rate
from cargan_tf.config import AudioConfig
from cargan_tf.data.video import is_video, read_sound

#: Files up to this many seconds are read whole: most clips have a file of their own.
WHOLE_FILE_SECONDS = 10.0

#: Whole seconds read before and after a clip of a long file. Resampling sees its true
#: surroundings, and a start on a full second is a full sample at every rate.
_MARGIN_SECONDS = 1


def read_clip(path: Path, offset_ms: int, audio: AudioConfig) -> Clip:
    """The clip that begins ``offset_ms`` into the file: samples [clip_samples], mono.

    Of a long file only the part around the clip is decoded, as thousands of clips may share it.

    Args:
        path: a sound file, or a video with sound.
        offset_ms: where in it the clip begins.
        audio: rate and length of the clip.

    Raises:
        UserError: the file cannot be read, has no sound, or ends before the clip begins.
    """
    if is_video(path):
        return _read_from_video(path, offset_ms, audio)
    first_second = _first_second(path, offset_ms)
    source = _part(path, first_second, audio.clip_seconds) if first_second else None
    waveform = read_audio(path if source is None else source, audio.sample_rate)
    return _cut(waveform, offset_ms - 1000 * first_second, audio)


def _read_from_video(path: Path, offset_ms: int, audio: AudioConfig) -> Clip:
    first_second = _with_margin(offset_ms)
    start_ms = offset_ms - 1000 * first_second
    needed = start_ms / 1000 + audio.clip_seconds + _MARGIN_SECONDS
    waveform = to_mono_at_rate(*read_sound(path, first_second, needed), audio.sample_rate)
    return _cut(waveform, start_ms, audio)


def _cut(waveform: NDArray[np.float32], start_ms: int, audio: AudioConfig) -> Clip:
    start = round(start_ms * audio.sample_rate / 1000)
    return cut_clip(waveform, start, audio.clip_samples, audio.sample_rate)


def _with_margin(offset_ms: int) -> int:
    """The full second from which a long file is read."""
    return max(0, offset_ms // 1000 - _MARGIN_SECONDS)


def _first_second(path: Path, offset_ms: int) -> int:
    """Where to begin to read: 0 for short files and for those that end before the clip."""
    first_second = _with_margin(offset_ms)
    if not first_second:
        return 0
    with opened(path) as file:
        seconds = file.frames / file.samplerate
    return 0 if offset_ms / 1000 >= seconds or seconds <= WHOLE_FILE_SECONDS else first_second


def _part(path: Path, first_second: int, clip_seconds: float) -> io.BytesIO:
    """The clip and its margins as a sound file in memory, at the file's own rate."""
    with opened(path) as file:
        rate = file.samplerate
        file.seek(first_second * rate)
        # The clip starts up to a second after the margin, as first_second is rounded down.
        frames = int((clip_seconds + 2 * _MARGIN_SECONDS + 1) * rate)
        samples = file.read(frames, dtype="float32", always_2d=True)
    part = io.BytesIO()
    soundfile.write(part, samples, rate, format="WAV", subtype="FLOAT")
    part.seek(0)
    return part
