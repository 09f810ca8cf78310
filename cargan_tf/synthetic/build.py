"""Build the sample data set on disk: sounds, images and their manifest, in Sub-URMP's layout."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import shutil
import tempfile
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from cargan_tf.errors import UserError
from cargan_tf.labels import NONE, SUB_URMP_LABELS, label_index
from cargan_tf.synthetic import soundfont as sampler
from cargan_tf.synthetic.figure import Pose, player_looks
from cargan_tf.synthetic.other_sounds import other_sound
from cargan_tf.synthetic.real_recordings import (
    SPLITS,
    RealRecording,
    find_recordings,
    read_clips,
)
from cargan_tf.synthetic.recording import Clip, player_of, record_clips, soundfont_of
from cargan_tf.synthetic.scene import background, draw_player
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS, PLAYERS, generator
from cargan_tf.utils.files import file_hash, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter
from cargan_tf.utils.subprocesses import default_workers, stop_with_parent_ignoring_ctrl_c

#: Raised whenever the same parameters give other files, so that old sets are not taken for new.
VERSION = 2

MANIFEST = "manifest.csv"
PARAMETERS = "sample.json"

#: Every player records for all three splits.
MIN_RECORDINGS = 3 * PLAYERS
#: One in so many recordings is for validation, and as many for the test.
HELD_OUT_DIVISOR = 4
JPEG_QUALITY = 90
#: Sounds of no instrument that one job makes.
OTHERS_PER_JOB = 60


@dataclass(frozen=True)
class Parameters:
    """All that the files depend on.

    Raises:
        UserError: when made, if a number is out of bounds, a label unknown or given twice, a
            SoundFont cannot be played, or there are no real recordings at ``real``.
    """

    count: int
    clips_per_recording: int
    seed: int
    soundfonts: Sequence[Path]
    labels: Sequence[str]
    real: Path | None = None
    synthesizer: bool = False

    def __post_init__(self) -> None:
        if self.count < MIN_RECORDINGS and not (self.count == 0 and self.real is not None):
            raise UserError(
                f"count is {self.count}; at least {MIN_RECORDINGS} recordings are needed, so that"
                f" each of the {PLAYERS} players is in train, validation and test; or 0 with real"
                " recordings"
            )
        if self.clips_per_recording < 1:
            raise UserError(
                f"clips_per_recording is {self.clips_per_recording}; at least 1 is needed"
            )
        if self.seed < 0:
            raise UserError(f"seed is {self.seed}; it must be 0 or greater")
        self._check_labels()
        for soundfont in self.soundfonts:
            sampler.check_soundfont(soundfont)
        if self.real is not None:
            find_recordings(self.real, self.seed)

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
        if self.count == 0:
            return []
        held_out = max(PLAYERS, self.count // HELD_OUT_DIVISOR)
        training = self.count - 2 * held_out
        return ["train"] * training + ["validation"] * held_out + ["test"] * held_out

    def as_json(self) -> dict[str, Any]:
        """What ``sample.json`` holds; equal for equal data sets."""
        return {
            "format": "cargan_tf sample data",
            "version": VERSION,
            "count": self.count,
            "clips_per_recording": self.clips_per_recording,
            "seed": self.seed,
            "soundfonts": [
                {"name": font.name, "sha256": file_hash(font)} for font in self.soundfonts
            ],
            "synthesizer": self.synthesizer or not self.soundfonts,
            "labels": list(self.labels),
            "real": [
                {
                    "label": recording.label,
                    "name": recording.path.name,
                    "player": recording.player,
                    "split": recording.split,
                    "pitch": recording.midi,
                    "sha256": file_hash(recording.path),
                }
                for recording in self.real_recordings
            ],
        }

    @property
    def real_recordings(self) -> list[RealRecording]:
        """The real recordings of the chosen labels, and of none of the instruments."""
        if self.real is None:
            return []
        chosen = {*self.labels, NONE}
        return [one for one in find_recordings(self.real, self.seed) if one.label in chosen]


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
        samples = np.round(other_sound(random, files) * 32767).astype("<i2")
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


def make_sample_data(
    out: Path,
    *,
    count: int = 12,
    clips_per_recording: int = 15,
    seed: int = 0,
    soundfonts: Sequence[Path] = (),
    real: Path | None = None,
    synthesizer: bool = False,
    workers: int | None = None,
    labels: Sequence[str] = SUB_URMP_LABELS,
    reporter: Reporter | None = None,
) -> Path:
    """Write pairs of sound and image to ``out``; returns the path of their manifest.

    ``out`` holds ``img`` and ``chunk`` as Sub-URMP has them, such as
    ``img/train/violin/violin07_1500.jpg`` and ``chunk/train/violin/violin07_1500.wav``, the pairs'
    ``manifest.csv`` (its columns are the fields of ``Row``), ``none`` with sounds of none of the
    instruments, and ``sample.json``. Sounds are half a second at 22,050 Hz, mono, 16 bits; images
    256×256. The folder appears when it is complete. Where it already holds the same set, nothing
    is done.

    Args:
        out: a folder that does not exist or is empty.
        count: recordings of each instrument; its three players take turns, each is in every split.
        clips_per_recording: pairs of one recording, at most where it is real.
        seed: other seeds give other melodies and other players.
        soundfonts: .sf2 or .sf3 files; each recording is played by one of them, instead of the
            built-in synthesizer.
        synthesizer: use the synthesizer too, beside the SoundFonts.
        real: a folder or CSV of real recordings, see ``real_recordings``; they are added.
        workers: processes; one for each processor if ``None``. The result does not depend on it.
        labels: the instruments, of the 13 known.
        reporter: receives progress.

    Raises:
        UserError: a parameter is out of bounds, a label unknown, a SoundFont or recording unusable,
            or ``out`` holds something else.
    """
    out = Path(out)
    fonts = tuple(Path(soundfont) for soundfont in soundfonts)
    parameters = Parameters(count, clips_per_recording, seed, fonts, labels, real, synthesizer)
    if workers is not None and workers < 1:
        raise UserError(f"workers is {workers}; at least 1 is needed")
    if is_complete(out, parameters):
        return out / MANIFEST
    with _appears_complete(out, parameters) as folder:
        jobs = [*_played_jobs(folder, parameters), *_real_jobs(folder, parameters)]
        rows = _run(jobs, workers or default_workers(), reporter or SilentReporter())
        if not rows:
            raise UserError(
                f"no clip of {real} could be used: all are silent or have no clear pitch"
            )
        _write_manifest(folder / MANIFEST, rows)
        write_json(folder / PARAMETERS, parameters.as_json())
    return out / MANIFEST


def _played_jobs(folder: Path, parameters: Parameters) -> Iterator[Job]:
    """Recordings by the synthesizer or SoundFonts, then as many other sounds as of one label."""
    clips, seed = parameters.clips_per_recording, parameters.seed
    fonts: tuple[Path | None, ...] = tuple(parameters.soundfonts)
    if fonts and parameters.synthesizer:
        fonts = (*fonts, None)
    for label in parameters.labels:
        for recording, split in enumerate(parameters.splits):
            yield Job(folder, label, recording, split, clips, seed, fonts)
    for split in SPLITS:
        total = clips * parameters.splits.count(split)
        for number, first in enumerate(range(0, total, OTHERS_PER_JOB)):
            recording = 100 * SPLITS.index(split) + number
            size = min(OTHERS_PER_JOB, total - first)
            yield Job(folder, NONE, recording, split, size, seed, fonts)


def _real_jobs(folder: Path, parameters: Parameters) -> Iterator[Job]:
    """Real recordings, numbered after those that were played."""
    numbers: Counter[str] = Counter()
    for real in parameters.real_recordings:
        number = parameters.count + numbers[real.label]
        numbers[real.label] += 1
        clips = parameters.clips_per_recording
        yield Job(folder, real.label, number, real.split, clips, parameters.seed, real=real)


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
    with reporter.task("Sample data", sum(job.clips for job in jobs if job.label != NONE)) as task:
        for job, made in zip(jobs, _results(jobs, min(workers, len(jobs))), strict=True):
            rows += made
            if job.label != NONE:
                task.advance(job.clips, made[-1].recording if made else job.label)
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
