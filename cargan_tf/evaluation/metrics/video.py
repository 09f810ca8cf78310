"""Metrics of a video: does one player stay, and does the movement fall on the notes?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.evaluation.metrics.inputs import NotMeasured, fraction
from cargan_tf.evaluation.report import MetricInfo, MetricValue
from cargan_tf.utils.arrays import FloatArray, IntArray

#: Lags that are compared, in seconds to either side, and their distance.
MAX_LAG: Final = 0.6
_LAG_STEP: Final = 0.002


@dataclass(frozen=True, eq=False)
class VideoTrack:
    """What was measured on the frames of a video, which may be one of several recordings.

    Attributes:
        frames_per_second: frames a second.
        recordings: index of each frame's recording, ascending, [F].
        players: name of the player in the photo that is nearest to each frame, [F]; ``None`` where
            the data names none.
        movement: mean |difference| of each frame from the one before, [F]; 0 for the first of a
            recording.
        onsets: times of the notes in seconds from the first frame.
        player_chance: probability that two random photos of a class show the same player.
    """

    frames_per_second: int
    recordings: IntArray
    players: NDArray[np.str_] | None
    movement: FloatArray
    onsets: NDArray[np.float64]
    player_chance: float | None = None


@dataclass(frozen=True)
class VideoMetric:
    """One line of a video report; ``measure`` raises ``NotMeasured``."""

    info: MetricInfo
    measure: Callable[[VideoTrack], MetricValue]


def same_player(track: VideoTrack) -> MetricValue:
    """The fraction of consecutive frames of a recording that show the same player."""
    if track.players is None:
        raise NotMeasured("the data names no players")
    together = track.recordings[1:] == track.recordings[:-1]
    if not together.any():
        raise NotMeasured("no recording has two frames")
    same = track.players[1:] == track.players[:-1]
    return fraction(same[together], chance=track.player_chance)


def lag(track: VideoTrack) -> MetricValue:
    """Milliseconds from the onsets to the movement, by cross-correlation; above 0 it is late.

    A movement between two frames is seen when the second appears. The images stand in between, so
    the movement is held until the next frame, and its middle counts.
    """
    if not len(track.onsets):
        raise NotMeasured("the recording has no onset")
    if not np.ptp(track.movement) > 0:
        raise NotMeasured("the images do not move")
    lags = np.arange(-MAX_LAG, MAX_LAG + _LAG_STEP / 2, _LAG_STEP)
    times = np.arange(len(track.movement)) / track.frames_per_second
    moments = track.onsets[:, None] + lags
    movement = np.interp(moments, times, track.movement).mean(axis=0)
    # Onsets lie anywhere between frames: one frame's width is all that can be told.
    width = max(1, round(1 / track.frames_per_second / _LAG_STEP))
    near = np.convolve(movement, np.hanning(2 * width + 1), "same")
    best = lags[near >= near.max() * (1 - 1e-6)]
    return MetricValue(value=float(1000 * best.mean()), images=len(track.movement))


METRICS = (
    VideoMetric(
        MetricInfo(
            name="same_player",
            title="same player",
            better="higher",
            fraction=True,
            meaning="Fraction of consecutive frames of a recording whose nearest real photo shows"
            " the same player. A still image has 1.",
        ),
        same_player,
    ),
    VideoMetric(
        MetricInfo(
            name="video_lag",
            title="lag, ms",
            better="neither",
            fraction=False,
            meaning="Milliseconds from the onsets of notes to the movement of the images, where"
            " their cross-correlation is highest. It does not say how well they agree.",
        ),
        lag,
    ),
)
