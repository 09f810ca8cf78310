"""The pairs of one recording: its sounds and images as files, and their rows of the manifest."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cargan_tf.audio.clips import to_int16
from cargan_tf.labels import NONE
from cargan_tf.synthetic.figure import Pose, player_looks
from cargan_tf.synthetic.other_sounds import other_sound
from cargan_tf.synthetic.real_recordings import RealRecording, read_clips
from cargan_tf.synthetic.recording import Clip, player_of, record_clips, soundfont_of
from cargan_tf.synthetic.scene import background, draw_player
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import PLAYERS, generator

JPEG_QUALITY = 90


@dataclass(frozen=True)
class Row:
    """One line of the manifest; paths are relative to its folder."""

    split: str
    label: str
    recording: str
    player: str
    start_ms: int
    audio: str
    image: str
    midi: int
    loudness_db: float
    pose_pitch: float
    pose_loudness: float
    source: str  # "synthesizer", "real" or a SoundFont's name


@dataclass(frozen=True)
class Job:
    """One recording to make and write under ``folder``, in any process.

    Attributes:
        folder: of the data set.
        label: an instrument, or ``NONE`` for sounds of none of them.
        recording: its number among those of the label.
        split: ``train``, ``validation`` or ``test``.
        clips: at most so many are cut.
        seed: the data set's.
        soundfonts: that play; ``None`` among them, or without any, is the synthesizer.
        real: the sound file to cut instead.
    """

    folder: Path
    label: str
    recording: int
    split: str
    clips: int
    seed: int
    soundfonts: tuple[Path | None, ...] = ()
    real: RealRecording | None = None


def write_pairs(job: Job) -> list[Row]:
    """Make and write all pairs of one recording; sounds of no instrument get no image and no row.

    Raises:
        UserError: a SoundFont or sound file cannot be used.
    """
    if job.label == NONE:
        _write_others(job)
        return []
    player = player_of(job.recording) if job.real is None else job.real.player % PLAYERS
    look = player_looks(job.label, job.seed)[player]
    stage = background(look)
    for kind in ("chunk", "img"):
        (job.folder / kind / job.split / job.label).mkdir(parents=True, exist_ok=True)
    if job.real is None:
        clips = record_clips(job.label, job.recording, job.clips, job.seed, job.soundfonts)
    else:
        clips = read_clips(job.real, job.clips)
    rows = []
    for clip in clips:
        row = _row(job, player, clip)
        image = draw_player(job.label, look, Pose(clip.pitch, clip.loudness), stage)
        image.save(job.folder / row.image, quality=JPEG_QUALITY)
        _write_wav(job.folder / row.audio, clip.samples)
        rows.append(row)
    return rows


def _write_others(job: Job) -> None:
    """Sounds of none of the instruments, in ``none/<split>``."""
    folder = job.folder / NONE / job.split
    folder.mkdir(parents=True, exist_ok=True)
    if job.real is not None:
        for clip in read_clips(job.real, job.clips):
            _write_wav(folder / f"real{job.recording:04d}_{clip.start_ms}.wav", clip.samples)
        return
    for index in range(job.clips):
        random = generator(job.seed, NONE, job.recording, index)
        files = [font for font in job.soundfonts if font is not None]
        samples = to_int16(other_sound(random, files)).astype("<i2")
        _write_wav(folder / f"other{job.recording:03d}_{index:02d}.wav", samples)


def _row(job: Job, player: int, clip: Clip) -> Row:
    recording = f"{job.label}{job.recording:02d}"
    name = f"{job.split}/{job.label}/{recording}_{clip.start_ms}"
    font = soundfont_of(job.label, job.recording, job.seed, job.soundfonts)
    by = "synthesizer" if font is None else font.stem
    return Row(
        split=job.split,
        label=job.label,
        recording=recording,
        player=f"{job.label}_p{player}",
        start_ms=clip.start_ms,
        audio=f"chunk/{name}.wav",
        image=f"img/{name}.jpg",
        midi=clip.midi,
        loudness_db=round(clip.loudness_db, 2),
        pose_pitch=round(clip.pitch, 4),
        pose_loudness=round(clip.loudness, 4),
        source=by if job.real is None else "real",
    )


def _write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
