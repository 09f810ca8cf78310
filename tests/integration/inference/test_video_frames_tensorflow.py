from itertools import pairwise

import numpy as np
import pytest

from cargan_tf.inference.generator import BATCH_SIZE
from cargan_tf.inference.video import VideoPlan, generate_frames, plan_video
from cargan_tf.inference.video_clips import cut_frame

RATE, CLIP = 8_000, 4_000


def melody():
    """A second of silence, a note of two seconds, half a second of silence."""
    times = np.arange(2 * RATE) / RATE
    glide = 0.3 * np.sin(2 * np.pi * (300 * times + 40 * times**2)).astype(np.float32)
    return np.concatenate([np.zeros(RATE, np.float32), glide, np.zeros(RATE // 2, np.float32)])


def test_each_frame_is_what_is_drawn_from_around_it(generator):
    waveform = melody()
    plan = plan_video(generator, waveform, 25, smooth_seconds=0)
    frames = list(generate_frames(generator, waveform, plan, "violin"))
    assert len(frames) == plan.count == 88 > BATCH_SIZE
    for index in (34, 50, 60):
        alone = generator.generate(waveform, RATE, "violin", start=index / 25 - 0.25)
        assert np.abs(frames[index].image.astype(int) - alone).max() <= 1


def test_a_note_moves_the_player_at_its_onset(generator):
    waveform = melody()
    for smooth, moving in ((0.0, {25}), (0.12, {24, 25, 26, 27})):
        plan = plan_video(generator, waveform, 25, smooth)
        images = [f.image.astype(int) for f in generate_frames(generator, waveform, plan, "cello")]
        change = np.array([0, *(np.abs(b - a).sum() for a, b in pairwise(images))])
        assert not change[:24].any(), "still before the note"
        assert set(np.flatnonzero(change[:32])) >= {25}
        assert set(np.flatnonzero(change[:28])) <= moving
        assert not change[-3:].any(), "still when at rest"


def test_equal_frames_are_generated_once(generator, monkeypatch):
    waveform = melody()
    plan = plan_video(generator, waveform)
    drawn = []
    generate = generator.generate_clips

    def counted(clips, labels):
        drawn.extend(clips)
        return generate(clips, labels)

    monkeypatch.setattr(generator, "generate_clips", counted)
    frames = list(generate_frames(generator, waveform, plan, "violin"))
    assert len(drawn) == len({frame.shown() for frame in plan.frames}) < len(frames) - 20
    cut = cut_frame(waveform, plan.notes, plan.frames[40], generator.audio)
    assert np.array_equal(frames[40].waveform, cut.samples)


def test_without_notes_one_image_is_held(generator):
    plan = plan_video(generator, np.zeros(2 * RATE, np.float32))
    assert (plan.frames, plan.count, plan.resting) == ((), 50, 50)
    assert plan == VideoPlan((), (), 50)
    images = [f.image for f in generate_frames(generator, np.zeros(RATE), plan, "flute")]
    assert len(images) == 50
    assert all(image is images[0] for image in images)
    silence = generator.generate(np.zeros(CLIP), RATE, "flute")
    assert np.abs(images[0].astype(int) - silence).mean() > 1, "not drawn from silence"


def test_a_recording_is_recognized_by_what_is_not_silent(generator):
    times = np.arange(4 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 500 * times)).astype(np.float32)
    mostly_silent = np.concatenate([np.zeros(20 * RATE, np.float32), tone])
    alone = generator.recognize_recording(tone)
    assert alone.none + sum(alone.probabilities.values()) == pytest.approx(1, abs=1e-5)
    found = generator.recognize_recording(mostly_silent)
    for label in generator.labels:
        assert found.probabilities[label] == pytest.approx(alone.probabilities[label], abs=0.05)
    assert not found.silent
    silence = generator.recognize_recording(np.zeros(RATE, np.float32))
    assert silence.silent
    assert silence.confidence is None
