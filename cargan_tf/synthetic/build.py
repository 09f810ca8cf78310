"""Build the sample data set on disk: sounds, images and their manifest, in Sub-URMP's layout."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
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

from cargan_tf.errors import UserError
from cargan_tf.labels import SUB_URMP_LABELS, label_index
from cargan_tf.synthetic import soundfont as sampler
from cargan_tf.synthetic.figure import Pose, player_looks
from cargan_tf.synthetic.recording import Clip, player_of, record_clips
from cargan_tf.synthetic.scene import background, draw_player
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS, PLAYERS
from cargan_tf.utils.files import file_hash, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter
from cargan_tf.utils.subprocesses import default_workers, stop_with_parent_ignoring_ctrl_c

#: Raised whenever the same parameters give other files, so that old sets are not taken for new.
VERSION = 1

MANIFEST = "manifest.csv"
PARAMETERS = "sample.json"

#: Every player records for all three splits.
MIN_RECORDINGS = 3 * PLAYERS
#: One in so many recordings is for validation, and as many for the test.
HELD_OUT_DIVISOR = 4


JPEG_QUALITY = 90


@dataclass(frozen=True)
class Parameters:
    """All that the files depend on.

    Raises:
        UserError: when made, if a number is out of bounds, a label unknown or given twice, or the
            SoundFont cannot be played.
    """

    recordings: int
    clips_per_recording: int
    seed: int
    soundfont: Path | None
    labels: Sequence[str]

    def __post_init__(self) -> None:
        if self.recordings < MIN_RECORDINGS:
            raise UserError(
                f"recordings is {self.recordings}; at least {MIN_RECORDINGS} are needed, so that"
                f" each of the {PLAYERS} players is in train, validation and test"
            )
        if self.clips_per_recording < 1:
            raise UserError(
                f"clips_per_recording is {self.clips_per_recording}; at least 1 is needed"
            )
        if self.seed < 0:
            raise UserError(f"seed is {self.seed}; it must be 0 or greater")
        self._check_labels()
        if self.soundfont is not None:
            sampler.require(self.soundfont)

    def _check_labels(self) -> None:
        known = tuple(INSTRUMENTS)
        if not self.labels:
            raise UserError(f"no labels were given; known are {', '.join(known)}")
        chosen = tuple(known[label_index(label, known)] for label in self.labels)
        if len(set(chosen)) < len(chosen):
            raise UserError(f"a label is given twice in {', '.join(self.labels)}")
        object.__setattr__(self, "labels", chosen)  # aliases resolved; the dataclass is frozen

    @property
    def splits(self) -> list[str]:
        """The split of each recording: training first, then validation, then test."""
        held_out = max(PLAYERS, self.recordings // HELD_OUT_DIVISOR)
        training = self.recordings - 2 * held_out
        return ["train"] * training + ["validation"] * held_out + ["test"] * held_out

    def as_json(self) -> dict[str, Any]:
        """What ``sample.json`` holds; equal for equal data sets."""
        font = None
        if self.soundfont is not None:
            font = {"name": self.soundfont.name, "sha256": file_hash(self.soundfont)}
        return {
            "format": "cargan_tf sample data",
            "version": VERSION,
            "recordings": self.recordings,
            "clips_per_recording": self.clips_per_recording,
            "seed": self.seed,
            "soundfont": font,
            "labels": list(self.labels),
        }


def is_complete(out: Path, parameters: Parameters) -> bool:
    """Whether ``out`` already holds the set of ``parameters``; False if it is empty or missing.

    Raises:
        UserError: ``out`` holds something else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        found = json.loads((out / PARAMETERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found is None or not (out / MANIFEST).is_file():
        raise UserError(f"{out} exists and is no sample data set; choose another folder")
    if found != parameters.as_json():
        raise UserError(
            f"{out} holds a sample data set made with other parameters (see {out / PARAMETERS});"
            " choose another folder or remove that one"
        )
    return True


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
    look = player_looks(job.label, job.seed)[player]
    stage = background(look)
    for kind in ("chunk", "img"):
        (job.folder / kind / job.split / job.label).mkdir(parents=True, exist_ok=True)
    rows = []
    for clip in record_clips(job.label, job.recording, job.clips, job.seed, job.soundfont):
        row = _row(job, player, clip)
        image = draw_player(job.label, look, Pose(clip.pitch, clip.loudness), stage)
        image.save(job.folder / row.image, quality=JPEG_QUALITY)
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
    """Write pairs of sound and image to ``out`` and give the path of their manifest.

    ``out`` holds ``img`` and ``chunk`` as Sub-URMP has them, such as
    ``img/train/violin/violin07_1500.jpg`` and ``chunk/train/violin/violin07_1500.wav``, the pairs'
    ``manifest.csv`` (its columns are the fields of ``Row``) and ``sample.json``. Sounds are
    half a second at 22,050 Hz, mono, 16 bits; images 256×256. The folder appears when it is
    complete. Where it already holds the same set, nothing is done.

    Args:
        out: a folder that does not exist or is empty.
        recordings: of each instrument; its three players take turns, each is in every split.
        clips_per_recording: pairs of one recording.
        seed: other seeds give other melodies and other players.
        soundfont: an .sf2 file that plays the notes instead of the built-in synthesizer.
        workers: processes; one for each processor if ``None``. The result does not depend on it.
        labels: the instruments, of the 13 known.
        reporter: hears how many pairs are done.

    Raises:
        UserError: a parameter is out of bounds, a label unknown, the SoundFont unusable, or
            ``out`` holds something else.
    """
    out = Path(out)
    font = None if soundfont is None else Path(soundfont)
    parameters = Parameters(recordings, clips_per_recording, seed, font, labels)
    if workers is not None and workers < 1:
        raise UserError(f"workers is {workers}; at least 1 is needed")
    if is_complete(out, parameters):
        return out / MANIFEST
    with _appears_complete(out, parameters) as folder:
        jobs = [
            Job(folder, label, recording, split, clips_per_recording, seed, font)
            for label in parameters.labels
            for recording, split in enumerate(parameters.splits)
        ]
        rows = _run(jobs, workers or default_workers(), reporter or SilentReporter())
        _write_manifest(folder / MANIFEST, rows)
        write_json(folder / PARAMETERS, parameters.as_json())
    return out / MANIFEST


@contextmanager
def _appears_complete(out: Path, parameters: Parameters) -> Iterator[Path]:
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
            if not is_complete(out, parameters):
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(jobs: list[Job], workers: int, reporter: Reporter) -> list[Row]:
    rows: list[Row] = []
    with reporter.task("Sample data", sum(job.clips for job in jobs)) as task:
        for made in _results(jobs, min(workers, len(jobs))):
            rows += made
            task.advance(len(made), made[-1].recording)
    return rows


def _results(jobs: list[Job], workers: int) -> Iterator[list[Row]]:
    """The rows of each job in the jobs' order, whichever process made them."""
    if workers == 1:
        yield from map(write_pairs, jobs)
        return
    # Not "fork": the caller may have TensorFlow's threads running, which a fork would not copy.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(
            workers, mp_context=context, initializer=stop_with_parent_ignoring_ctrl_c
        ) as pool:
            try:
                yield from pool.map(write_pairs, jobs)
            finally:
                pool.shutdown(cancel_futures=True)
    except BrokenProcessPool as fault:
        raise UserError(
            "the worker processes ended early; a script that calls this must do so under"
            " if __name__ == '__main__':, or pass workers=1"
        ) from fault


def _write_manifest(path: Path, rows: list[Row]) -> None:
    text = io.StringIO()
    columns = [field.name for field in fields(Row)]
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    path.write_text(text.getvalue(), encoding="utf-8")
