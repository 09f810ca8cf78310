"""The pairs of one recording on the disk: sounds, pictures and their lines in the manifest."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

from cargan_tf.data.sample.backdrop import backdrop
from cargan_tf.data.sample.figure import Pose
from cargan_tf.data.sample.picture import draw_player
from cargan_tf.data.sample.players import looks
from cargan_tf.data.sample.recording import Clip, player_of, record_clips
from cargan_tf.data.sample.synthesiser import SAMPLE_RATE

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


@dataclass(frozen=True)
class Job:
    """One recording to make and write under ``folder``, in any process."""

    folder: Path
    label: str
    recording: int
    split: str
    clips: int
    seed: int
    soundfont: Path | None


def write_pairs(job: Job) -> list[Row]:
    """Make and write all pairs of one recording.

    Raises:
        UserError: the SoundFont cannot be used.
    """
    player = player_of(job.recording)
    look = looks(job.label, job.seed)[player]
    stage = backdrop(look)
    for kind in ("chunk", "img"):
        (job.folder / kind / job.split / job.label).mkdir(parents=True, exist_ok=True)
    rows = []
    for clip in record_clips(job.label, job.recording, job.clips, job.seed, job.soundfont):
        row = _row(job, player, clip)
        picture = draw_player(job.label, look, Pose(clip.pitch, clip.loudness), stage)
        picture.save(job.folder / row.image, quality=JPEG_QUALITY)
        _write_wav(job.folder / row.audio, clip)
        rows.append(row)
    return rows


def _row(job: Job, player: int, clip: Clip) -> Row:
    recording = f"{job.label}{job.recording:02d}"
    name = f"{job.split}/{job.label}/{recording}_{clip.start_ms}"
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
    )


def _write_wav(path: Path, clip: Clip) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(clip.samples.tobytes())
