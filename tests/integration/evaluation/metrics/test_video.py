import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.registry import METRICS, VIDEO_METRICS, chosen_metrics
from cargan_tf.evaluation.metrics.video import VideoTrack, lag, same_player

FPS = 25


def track(players=None, movement=(), recordings=None, onsets=(), chance=None):
    count = len(players if players is not None else movement)
    return VideoTrack(
        frames_per_second=FPS,
        recordings=np.asarray([0] * count if recordings is None else recordings),
        players=None if players is None else np.asarray(players),
        movement=np.asarray(movement if len(movement) else [0.0] * count, np.float32),
        onsets=np.asarray(onsets, np.float64),
        player_chance=chance,
    )


def test_a_change_of_the_player_counts_within_a_recording_only():
    assert same_player(track(list("aaaabbbb"))).value == pytest.approx(6 / 7)
    apart = track(list("aaaabbbb"), recordings=[0] * 4 + [1] * 4, chance=0.5)
    value = same_player(apart)
    assert (value.value, value.images, value.chance) == (1.0, 6, 0.5)
    flicker = same_player(track(list("abababab"))).value
    assert flicker == 0


def test_what_has_no_players_or_no_second_frame_is_not_measured():
    with pytest.raises(NotMeasured, match="names no players"):
        same_player(track(movement=[0, 1]))
    with pytest.raises(NotMeasured, match="two frames"):
        same_player(track(list("ab"), recordings=[0, 1]))


@pytest.mark.parametrize("late_ms", [-500, -250, -40, 0, 40, 80, 300])
def test_the_lag_is_that_of_the_movement(late_ms):
    random = np.random.default_rng(0)
    onsets = np.cumsum(random.uniform(0.3, 1.2, 60)) + 1
    seconds = onsets + late_ms / 1000
    movement = random.uniform(0, 0.2, round((onsets[-1] + 2) * FPS))
    movement[np.round(seconds * FPS).astype(int)] += random.uniform(1, 3, len(onsets))
    assert lag(track(movement=movement, onsets=onsets)).value == pytest.approx(late_ms, abs=8)


def test_a_movement_spread_over_half_a_second_counts_by_its_middle():
    onsets = np.arange(2, 60, 1.5)
    movement = np.zeros(62 * FPS)
    for onset in onsets:
        first = round((onset - 0.5) * FPS)
        movement[first : first + 13] += np.hanning(15)[1:-1]
    assert lag(track(movement=movement, onsets=onsets)).value == pytest.approx(-260, abs=15)


def test_a_still_image_and_a_sound_without_onsets_have_no_lag():
    with pytest.raises(NotMeasured, match="do not move"):
        lag(track(movement=[0.0] * 50, onsets=[1.0]))
    with pytest.raises(NotMeasured, match="no onset"):
        lag(track(movement=[0.0, 1.0]))


def test_they_are_in_the_registry_and_named_where_they_do_not_belong():
    assert [metric.info.name for metric in VIDEO_METRICS] == ["same_player", "video_lag"]
    assert not {m.info.name for m in METRICS} & {m.info.name for m in VIDEO_METRICS}
    with pytest.raises(UserError, match="cargan evaluate RUN --video"):
        chosen_metrics(["video_lag"])
