"""A run's directory: its files, its lock, and what a resumed run may change."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, config_from_json
from cargan_tf.data.dataset import DATASET_FILE
from cargan_tf.errors import UserError
from cargan_tf.labels import check_labels, players_from_json
from cargan_tf.utils.files import (
    check_local,
    is_remote,
    read_json,
    sweep_unfinished,
    to_path,
    write_json,
)

#: Raised when older versions cannot read newer runs, or newer ones older runs.
FORMAT = 2


#: Settings of ``training`` that a resumed run may change.
FREE = (
    *("steps", "epochs", "decay_epochs", "keep_checkpoints"),
    *("learning_rate", "discriminator_learning_rate", "maximum_loss"),
)
#: Sections that a resumed run may change, as they do not affect the weights.
FREE_SECTIONS = ("monitor", "evaluator")

#: Of run.json; labels and statistics are some hundred kilobytes at most.
MAX_BYTES = 2**24
#: Characters of a path, and of a fault in a message.
_MAX_TEXT = 10_000
_MAX_SHOWN = 200


@dataclass(frozen=True)
class RunInfo:
    """Everything needed to rebuild a run's networks and their inputs."""

    config: Config
    labels: tuple[str, ...]
    statistics: BandStatistics
    data: str  # path of the data set
    data_hash: str  # of its dataset.json
    classifier_accuracy: float | None  # of C on held-out photos; None: imported, or no C
    #: Names of the players by label, in the order of the networks' player input.
    players: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    teacher: str = ""  # the model whose images are learned: `cargan distill`


class Run:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.images = path / "images"
        self.stats = path / "stats.jsonl"
        self.tensorboard = path / "tensorboard"
        self.class_means = path / "class_means.npy"
        self.sound_classifier = path / "sound_classifier"
        self.info_file = path / "run.json"
        self.sessions = path / "sessions.jsonl"  # one line per start and resume

    def fault(self, worker: int = 0) -> Path:
        """Report of a step that stopped the run: its losses and the worker's records."""
        return self.path / (f"fault-worker-{worker}.json" if worker else "fault.json")

    def exists(self) -> bool:
        """Whether there is a run."""
        return self.info_file.is_file()

    def check_free(self) -> None:
        """Check that there is no run yet.

        Raises:
            UserError: there is one.
        """
        if self.exists():
            raise UserError(
                f"{self.path} already holds a run: continue it with --resume, or choose another"
                " directory with --run."
            )

    def write_info(self, info: RunInfo) -> None:
        """Create the run."""
        values = {
            "format": FORMAT,
            "labels": list(info.labels),
            "data": info.data,
            "data_hash": info.data_hash,
            "classifier_accuracy": info.classifier_accuracy,
            "players": info.players,
            "teacher": info.teacher,
            "config": info.config.model_dump(mode="json"),
            "statistics": info.statistics.to_json(),
        }
        write_json(self.info_file, values)

    def add_session(self, step: int, made_with: dict[str, Any]) -> None:
        """Log that the run continues after ``step``, with versions, devices and seed."""
        began = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with self.sessions.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"began": began, "after_step": step, **made_with}) + "\n")

    def read_info(self) -> RunInfo:
        """Read what ``write_info`` wrote.

        Raises:
            UserError: there is no run, its description is damaged or of another format, or it is
                remote.
        """
        check_local(self.path, "a run's directory")
        try:
            values: dict[str, Any] = read_json(self.info_file, MAX_BYTES)
            if values["format"] != FORMAT:
                raise UserError(
                    f"{self.info_file} has format {values['format']!r}, this version of cargan_tf"
                    f" reads {FORMAT}: use the version that wrote it, or train again."
                )
            labels = check_labels(values["labels"], str(self.info_file))
            config = config_from_json(values["config"], str(self.info_file))
            statistics = BandStatistics.from_json(values["statistics"])
            for name in ("data", "data_hash"):
                if not isinstance(values[name], str) or len(values[name]) > _MAX_TEXT:
                    raise ValueError(f"{name} is no line of text")
            accuracy = values["classifier_accuracy"]
            if not (accuracy is None or 0 <= accuracy <= 1):
                raise ValueError(f"classifier_accuracy is {accuracy}")
            return RunInfo(
                config=config,
                labels=labels,
                statistics=statistics,
                data=values["data"],
                data_hash=values["data_hash"],
                classifier_accuracy=accuracy,
                players=players_from_json(values.get("players", {}), labels, str(self.info_file)),
                teacher=values.get("teacher", ""),
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UserError(
                f"{self.path} holds no run (no run.json): name a directory that"
                " 'cargan train' or 'cargan import-checkpoint' made."
            ) from error
        except OSError as error:
            raise UserError(f"{self.info_file} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{self.info_file} is damaged: {repr(error)[:_MAX_SHOWN]}. Copy the run again, or"
                " train again."
            ) from error

    def read_stats(self) -> list[dict[str, Any]]:
        """The lines of ``stats.jsonl`` without damaged ones; none for an imported run."""
        if not self.stats.is_file():
            return []
        lines = []
        for line in self.stats.read_text("utf-8").splitlines():
            with suppress(ValueError):
                lines.append(json.loads(line))
        return lines

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory against other training processes; remove a killed one's leftovers.

        The operating system releases the lock when the process ends.

        Raises:
            UserError: another process holds it, or the directory is remote.
        """
        from filelock import FileLock, Timeout  # generating looks for runs, and locks none

        check_local(self.path, "a run's directory")
        self.path.mkdir(parents=True, exist_ok=True)
        self._check_links()
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"{self.path} is in use by another training process: wait for it, or choose another"
                " directory with --run."
            ) from error
        try:
            for folder in (self.path, self.checkpoints, self.images, self.sound_classifier):
                sweep_unfinished(folder)
            yield
        finally:
            lock.release()

    def _check_links(self) -> None:
        """Check that training writes and deletes nothing outside, in a run of somebody else."""
        root = self.path.resolve()
        for folder in (self.path, self.checkpoints, self.images, self.sound_classifier):
            for entry in folder.iterdir() if folder.is_dir() else ():
                if entry.is_symlink() and not entry.resolve().is_relative_to(root):
                    raise UserError(
                        f"{entry} is a link out of the run: put its target in its place. To keep a"
                        " run on another disk, link its whole directory."
                    )


def data_of(run: Run) -> Path:
    """The data set that a run was trained on.

    Raises:
        UserError: there is no run, or its data set is missing: it was moved, or the run was
            imported without one.
    """
    data = to_path(run.read_info().data)
    if is_remote(data):
        # Only what is typed is fetched with the user's credentials.
        raise UserError(f"the data set of {run.path} is {data}: give it by --data.")
    if not (data / DATASET_FILE).is_file():
        raise UserError(
            f"the data set of {run.path} is missing ({data}): give one with the same labels by"
            " --data."
        )
    return data


def check_resumable(run: Run, now: RunInfo) -> None:
    """Check that ``run`` was started with the data and the settings of ``now``.

    Raises:
        UserError: it was not, or there is no run; names each setting that differs, with both
            values.
    """
    before = run.read_info()
    if before.data_hash != now.data_hash:
        raise UserError(
            f"{run.path} was trained on {before.data}, whose dataset.json differs from that of"
            f" {now.data}: give the same data to resume."
        )
    if bool(before.teacher) != bool(now.teacher):
        command = "distill" if before.teacher else "train"
        raise UserError(
            f"{run.path} was started by 'cargan {command}': resume it with that command."
        )
    then_values, now_values = _fixed(before.config), _fixed(now.config)
    differing = [
        f"{name}: {_shown(then_values.get(name))} then, {_shown(now_values.get(name))} now"
        for name in dict.fromkeys([*then_values, *now_values])
        if then_values.get(name) != now_values.get(name)
    ]
    if differing:
        raise UserError(
            f"{run.path} was started with another configuration ({'; '.join(differing)}). Resuming"
            f" may change only training.{', training.'.join(FREE)}, {' and '.join(FREE_SECTIONS)}:"
            " leave the rest as it was, or train another run."
        )


def _fixed(config: Config) -> dict[str, Any]:
    """The settings that a resumed run may not change, by ``section.name``."""
    other_kinds = {"s2ic", "cmcgan"} - {config.model.kind}
    free = {*FREE_SECTIONS, *other_kinds, *(f"training.{name}" for name in FREE)}
    fixed: dict[str, Any] = {}
    for section, values in config.model_dump(mode="json").items():
        if isinstance(values, dict):
            fixed |= {f"{section}.{name}": value for name, value in values.items()}
        else:
            fixed[section] = values
    return {
        name: value
        for name, value in fixed.items()
        if name not in free and name.partition(".")[0] not in free
    }


def _shown(value: Any) -> str:
    """``value`` as written after ``--set``."""
    return json.dumps(value, ensure_ascii=False)
