"""Build the sample data set on disk: sounds, images and their manifest, in Sub-URMP's layout."""

from __future__ import annotations

import csv
import io
import multiprocessing
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from cargan_tf.data.pairs import SPLITS
from cargan_tf.errors import UserError
from cargan_tf.labels import NONE, SUB_URMP_LABELS, label_index
from cargan_tf.synthetic import soundfont as sampler
from cargan_tf.synthetic.pairs import Job, Row, write_pairs
from cargan_tf.synthetic.real_recordings import (
    RealRecording,
    find_recordings,
)
from cargan_tf.synthetic.timbre import INSTRUMENTS, PLAYERS
from cargan_tf.utils.files import file_hash, read_json, write_json
from cargan_tf.utils.progress import Reporter, SilentReporter
from cargan_tf.utils.subprocesses import default_workers, stop_with_parent_ignoring_ctrl_c

#: Raised whenever the same parameters give other files, so that old sets are not taken for new.
VERSION = 3

MANIFEST = "manifest.csv"
PARAMETERS = "sample.json"

#: Every player records for all three splits.
MIN_RECORDINGS = 3 * PLAYERS
#: One in so many recordings is for validation, and as many for the test.
HELD_OUT_DIVISOR = 4
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
        _ = self.real_recordings  # refuses what cannot be used, and is kept

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

    @cached_property
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
        found = read_json(out / PARAMETERS)
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


def make_sample_data(
    out: Path,
    *,
    count: int = 36,
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
        count: recordings of each instrument; its six players take turns, each is in every split.
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
