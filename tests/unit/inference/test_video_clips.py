import numpy as np
import pytest

from cargan_tf.audio.clips import root_mean_square
from cargan_tf.audio.log_mel import log_mel
from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.audio.notes import DetectedNote
from cargan_tf.config import AudioConfig
from cargan_tf.inference.video_clips import cut_frame, frame_count, plan_frames, resting_clip

RATE, FPS = 8_000, 25
CLIP = 4_000  # half a second
AUDIO = AudioConfig(sample_rate=RATE, n_fft=512, hop_length=100, n_mels=32)
#: A long note and a short one at once after it; a rest of a second; a long note again.
NOTES = (DetectedNote(8_000, 16_000, 16_000), DetectedNote(16_000, 18_000, 18_400))
NOTES = (*NOTES, DetectedNote(26_400, 34_400, 34_400))


def planned(notes=NOTES, seconds=5.0, fps=FPS, smooth=0.0):
    return plan_frames(notes, round(seconds * fps), CLIP, RATE, fps, smooth)


def at(frames, seconds, fps=FPS):
    return frames[round(seconds * fps)]


def sound():
    """Each note has a level of its own; between them it is silent."""
    waveform = np.zeros(5 * RATE, np.float32)
    for note, level in zip(NOTES, (0.2, 0.4, 0.1), strict=True):
        times = np.arange(note.end - note.begin) / RATE
        waveform[note.begin : note.end] = level * np.sin(2 * np.pi * 440 * times)
    return waveform


@pytest.mark.parametrize(
    ("samples", "rate", "fps", "frames"),
    [
        (1, 8_000, 10, 1),
        (800, 8_000, 10, 1),
        (801, 8_000, 10, 2),
        (8_000, 8_000, 25, 25),
        (8_001, 8_000, 25, 26),
        (22_050 * 60, 22_050, 7, 420),
    ],
)
def test_frames_last_as_long_as_the_sound(samples, rate, fps, frames):
    assert frame_count(samples, rate, fps) == frames


def test_within_a_long_note_the_clip_is_centered_on_the_frame():
    frames = planned()
    for seconds in (1.28, 1.52, 1.72):
        window = at(frames, seconds).window
        assert window.note == 0
        assert window.start + CLIP / 2 == pytest.approx(seconds * RATE, abs=1)


def test_no_clip_reaches_beyond_its_note():
    waveform = sound()
    for frame in planned(smooth=0.0):
        note = NOTES[frame.window.note]
        assert note.begin <= frame.window.start < note.tail
        clip = cut_frame(waveform, NOTES, frame, AUDIO)
        assert len(clip.samples) == CLIP
        assert root_mean_square(clip.samples) > 0.03, "no silence in any of them"


@pytest.mark.parametrize("fps", [10, 24, 25, 50])
@pytest.mark.parametrize("shift", [0, 37, 150, 299])
def test_a_note_is_shown_from_the_frame_nearest_to_its_onset(fps, shift):
    notes = [DetectedNote(n.begin + shift, n.tail + shift, n.end + shift) for n in NOTES]
    frames = planned(notes, fps=fps)
    for index in (1, 2):
        first = next(k for k, frame in enumerate(frames) if frame.window.note == index)
        assert abs(first / fps - notes[index].begin / RATE) <= 0.5 / fps + 1e-9


def test_in_a_rest_the_player_sinks_and_then_holds():
    frames = planned()
    rest = frames[round(2.32 * FPS) : round(3.28 * FPS)]
    assert all(frame.resting for frame in rest)
    assert all(frame.window.note == 1 for frame in rest)
    gains = [frame.window.gain_db for frame in rest]
    assert gains == sorted(gains, reverse=True)
    assert (gains[0], gains[-1]) == (pytest.approx(-0.375), -6)
    held = frames[round(2.64 * FPS) : round(3.28 * FPS)]
    assert len({frame.shown() for frame in held}) == 1
    loud, soft = (cut_frame(sound(), NOTES, frame, AUDIO) for frame in (frames[54], rest[-1]))
    assert root_mean_square(soft.samples) == pytest.approx(
        root_mean_square(loud.samples) * 10 ** (-6 / 20), rel=0.01
    )


def test_before_the_first_note_the_player_rests_before_its_first_image():
    frames = planned()
    before = frames[: round(1.0 * FPS)]
    assert len({frame.shown() for frame in before}) == 1
    assert before[0].resting
    assert before[0].window.start == NOTES[0].begin
    assert at(frames, 1.0).window != before[0].window


def test_a_soft_note_is_not_softened_to_what_no_model_has_learned():
    notes = [DetectedNote(0, RATE, RATE)]
    frame = planned(notes, seconds=3)[-1]
    for level, expected in ((0.3, -6), (0.025 * np.sqrt(2), 0), (0.005, 0)):
        waveform = level * np.sin(np.arange(3 * RATE) / 3).astype(np.float32)
        clip = cut_frame(waveform, notes, frame, AUDIO)
        change = 20 * np.log10(root_mean_square(clip.samples) / root_mean_square(waveform))
        assert change == pytest.approx(expected, abs=0.3)


def test_a_short_note_fills_its_clip_with_itself():
    waveform = np.zeros(5 * RATE, np.float32)
    waveform[16_000:18_000] = np.arange(1, 2_001)
    frame = at(planned(), 2.1)
    clip = cut_frame(waveform, NOTES, frame, AUDIO).samples
    forth = np.arange(1, 2_001)
    assert clip[1_000:3_000].tolist() == forth.tolist()
    assert clip[:1_000].tolist() == forth[:1_000][::-1].tolist()
    assert clip[3_000:].tolist() == forth[1_000:][::-1].tolist()


def test_the_player_moves_around_the_onset_and_nowhere_else():
    still, smooth = planned(), planned(smooth=0.12)
    moving = [k for k, frame in enumerate(smooth) if frame.before is not None]
    assert moving == [24, 25, 26, 49, 50, 51, 82, 83]
    for index, (plain, frame) in enumerate(zip(still, smooth, strict=True)):
        if index not in moving:
            assert frame == plain
    assert [smooth[k].fraction for k in (49, 50, 51)] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert smooth[49].before.note == 0
    assert smooth[49].window.note == 1
    assert smooth[82].before.gain_db == -6, "from where the player rests"


def test_on_the_way_a_clip_is_the_end_of_one_note_and_the_beginning_of_the_next():
    waveform = np.zeros(5 * RATE, np.float32)
    waveform[8_000:16_000], waveform[16_000:18_000] = 1, 2
    frame = planned(smooth=0.12)[49]
    clip = cut_frame(waveform, NOTES, frame, AUDIO).samples
    border = CLIP - round(CLIP / 6)
    fade = round(0.01 * RATE)
    assert (clip[: border - fade] == 1).all()
    assert (clip[border + fade :] == 2).all()
    assert (np.diff(clip) >= 0).all()
    assert np.abs(np.diff(clip)).max() < 0.02, "no click"


def test_the_resting_clip_has_the_mean_spectrum_of_the_training_data():
    mean = np.linspace(-20, -50, AUDIO.n_mels)
    clip = resting_clip(BandStatistics(tuple(mean), (10.0,) * AUDIO.n_mels), AUDIO)
    heard = log_mel(clip.samples[None], AUDIO)[0].mean(axis=1)
    assert np.abs(heard - mean).mean() < 2
    assert clip.samples.shape == (CLIP,)
