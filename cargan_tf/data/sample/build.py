"""The whole sample data set on the disk, in Sub-URMP's layout."""

from __future__ import annotations

import csv
import io
import multiprocessing
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

from cargan_tf.data.sample.pairs import Job, Row, write_pairs
from cargan_tf.data.sample.parameters import MANIFEST, PARAMETERS, Parameters, is_complete
from cargan_tf.data.workers import default_workers, stand_by_parent
from cargan_tf.errors import UserError
from cargan_tf.files import write_json
from cargan_tf.labels import SUB_URMP_LABELS
from cargan_tf.progress import Reporter, SilentReporter


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

    ``out`` holds ``img`` and ``chunk`` as Sub-URMP has them, such as
    ``img/train/violin/violin07_1500.jpg`` and ``chunk/train/violin/violin07_1500.wav``, the pairs'
    ``manifest.csv`` (its columns are the fields of ``pairs.Row``) and ``sample.json``. Sounds are
    half a second at 22,050 Hz, mono, 16 bits; pictures 256×256. The folder appears when it is
    complete. Where it already holds the same set, nothing is done.

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
        with ProcessPoolExecutor(workers, mp_context=context, initializer=stand_by_parent) as pool:
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
