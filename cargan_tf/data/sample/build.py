"""The whole sample data set on the disk, in Sub-URMP's layout."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import tempfile
import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cargan_tf.data.sample import soundfont as sampler
from cargan_tf.data.sample.backdrop import backdrop
from cargan_tf.data.sample.figure import Pose
from cargan_tf.data.sample.instruments import INSTRUMENTS
from cargan_tf.data.sample.picture import draw_player
from cargan_tf.data.sample.players import looks
from cargan_tf.data.sample.recording import Clip, player_of, record_clips
from cargan_tf.data.sample.signature import PLAYERS
from cargan_tf.data.sample.synthesiser import SAMPLE_RATE
from cargan_tf.errors import UserError
from cargan_tf.files import write_json
from cargan_tf.labels import SUB_URMP_LABELS, label_index
from cargan_tf.progress import Reporter, SilentReporter

#: Raised whenever the same parameters give other files, so that old sets are not taken for new.
VERSION = 1

MANIFEST = "manifest.csv"
PARAMETERS = "sample.json"

#: Every player records for all three splits.
MIN_RECORDINGS = 3 * PLAYERS
#: One in so many recordings is for validation, and as many for the test.
HELD_OUT_SHARE = 4

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
class _Job:
    """One recording to make, in a process of its own."""

    folder: Path
    label: str
    recording: int
    split: str
    clips: int
    seed: int
    soundfont: Path | None


def make_sample_data(
    out: Path,
    *,
    recordings: int = 12,
    clips_per_recording: int = 15,
    seed: int = 0,
    soundfont: Path | None = None,
    workers: int | None = None,
    labels: Sequence[str] = SUB_URMP_LABELS,
    reporter: Reporter | None = None,
) -> Path:
    """Write pairs of sound and picture to ``out`` and give the path of their manifest.

    ``out`` holds ``img`` and ``chunk`` as Sub-URMP has them (``img/train/violin/violin07_1500.jpg``,
    ``chunk/train/violin/violin07_1500.wav``) and ``manifest.csv``. Sounds are half a second at
    22,050 Hz, mono, 16 bits; pictures 256×256. The folder appears when it is complete. Where it
    already holds the same set, nothing is done.

    Args:
        out: a folder that does not exist or is empty.
        recordings: of each instrument; its three players take turns, each is in every split.
        clips_per_recording: pairs of one recording.
        seed: other seeds give other melodies and other players.
        soundfont: an .sf2 file that plays the notes instead of the built-in synthesiser.
        workers: processes; one for each processor if ``None``. The result does not depend on it.
        labels: the instruments, of the 13 known.
        reporter: hears how many pairs are done.

    Raises:
        UserError: a parameter is out of bounds, a label unknown, the SoundFont unusable, or
            ``out`` holds something else.
    """
    out = Path(out)
    parameters = _checked(recordings, clips_per_recording, seed, soundfont, workers, labels)
    if _is_complete(out, parameters):
        return out / MANIFEST
    with _appears_complete(out, parameters) as folder:
        jobs = [
            _Job(folder, label, recording, split, clips_per_recording, seed, soundfont)
            for label in parameters["labels"]
            for recording, split in enumerate(split_of_recordings(recordings))
        ]
        rows = _run(jobs, workers or available_processors(), reporter or SilentReporter())
        _write_manifest(folder / MANIFEST, rows)
        write_json(folder / PARAMETERS, parameters)
    return out / MANIFEST


def split_of_recordings(recordings: int) -> list[str]:
    """The split of each recording: training first, then validation, then test."""
    held_out = max(PLAYERS, recordings // HELD_OUT_SHARE)
    training = recordings - 2 * held_out
    return ["train"] * training + ["validation"] * held_out + ["test"] * held_out


def available_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _checked(
    recordings: int,
    clips_per_recording: int,
    seed: int,
    soundfont: Path | None,
    workers: int | None,
    labels: Sequence[str],
) -> dict[str, Any]:
    """What the data depends on, as it is written to ``sample.json``."""
    if recordings < MIN_RECORDINGS:
        raise UserError(
            f"recordings is {recordings}; at least {MIN_RECORDINGS} are needed, so that each of the"
            f" {PLAYERS} players is in train, validation and test"
        )
    if clips_per_recording < 1:
        raise UserError(f"clips_per_recording is {clips_per_recording}; at least 1 is needed")
    if seed < 0:
        raise UserError(f"seed is {seed}; it must be 0 or greater")
    if workers is not None and workers < 1:
        raise UserError(f"workers is {workers}; at least 1 is needed")
    if not labels:
        raise UserError(f"no labels were given; known are {', '.join(SUB_URMP_LABELS)}")
    known = tuple(INSTRUMENTS)
    chosen = [known[label_index(label, known)] for label in labels]
    if len(set(chosen)) < len(chosen):
        raise UserError(f"a label is given twice in {', '.join(labels)}")
    return {
        "format": "cargan_tf sample data",
        "version": VERSION,
        "recordings": recordings,
        "clips_per_recording": clips_per_recording,
        "seed": seed,
        "soundfont": None if soundfont is None else _fingerprint(Path(soundfont)),
        "labels": chosen,
    }


def _fingerprint(soundfont: Path) -> dict[str, str]:
    sampler.require(soundfont)
    return {
        "name": soundfont.name,
        "sha256": hashlib.sha256(soundfont.read_bytes()).hexdigest(),
    }


def _is_complete(out: Path, parameters: dict[str, Any]) -> bool:
    """Whether ``out`` holds the same set; an empty or missing folder is free.

    Raises:
        UserError: ``out`` holds something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        found = json.loads((out / PARAMETERS).read_text())
    except (OSError, ValueError):
        found = None
    if found is None or not (out / MANIFEST).is_file():
        raise UserError(f"{out} exists and is no sample data set; choose another folder")
    if found != parameters:
        raise UserError(
            f"{out} holds a sample data set made with other parameters (see {out / PARAMETERS});"
            " choose another folder or remove that one"
        )
    return True


@contextmanager
def _appears_complete(out: Path, parameters: dict[str, Any]) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place at the end, or vanishes after a fault."""
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.partial-"))
    try:
        yield folder
        folder.chmod(0o755)  # mkdtemp makes it private; data is for everyone to read
        try:
            folder.rename(out)
        except OSError:
            # Another process may have finished the same set first; theirs is as good.
            if not _is_complete(out, parameters):
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(jobs: list[_Job], workers: int, reporter: Reporter) -> list[Row]:
    rows: list[Row] = []
    with reporter.task("Sample data", sum(job.clips for job in jobs)) as task:
        for made in _results(jobs, min(workers, len(jobs))):
            rows += made
            task.advance(len(made), made[-1].recording)
    return rows


def _results(jobs: list[_Job], workers: int) -> Iterator[list[Row]]:
    """The rows of each job in the jobs' order, whichever process made them."""
    if workers == 1:
        yield from map(_make_recording, jobs)
        return
    # Not "fork": the caller may have TensorFlow's threads running, which a fork would not copy.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            yield from pool.map(_make_recording, jobs)
    except BrokenProcessPool as fault:
        raise UserError(
            "the worker processes ended early; a script that calls this must do so under"
            " if __name__ == '__main__':, or pass workers=1"
        ) from fault


def _make_recording(job: _Job) -> list[Row]:
    player = player_of(job.recording)
    look = looks(job.label, job.seed)[player]
    stage = backdrop(look)
    sounds = job.folder / "chunk" / job.split / job.label
    pictures = job.folder / "img" / job.split / job.label
    sounds.mkdir(parents=True, exist_ok=True)
    pictures.mkdir(parents=True, exist_ok=True)
    rows = []
    for clip in record_clips(job.label, job.recording, job.clips, job.seed, job.soundfont):
        row = _row(job, player, clip)
        picture = draw_player(job.label, look, Pose(clip.pitch, clip.loudness), stage)
        picture.save(job.folder / row.image, quality=JPEG_QUALITY)
        _write_wav(job.folder / row.audio, clip)
        rows.append(row)
    return rows


def _row(job: _Job, player: int, clip: Clip) -> Row:
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


def _write_manifest(path: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    columns = [field.name for field in fields(Row)]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8")
