"""What a prepared data set says of itself: the content of its ``dataset.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, TrainingConfig
from cargan_tf.config.sections import Line
from cargan_tf.data.pairs import REFERENCE_LISTS, SPLITS, Skipped
from cargan_tf.errors import UserError
from cargan_tf.labels import MAX_LABELS, check_labels
from cargan_tf.utils.files import to_path

DATASET_FILE = "dataset.json"
#: A million recordings are some 50 MB.
MAX_BYTES: Final = 2**28

#: Raised when shards or this description change in a way that older code misreads.
FORMAT_VERSION: Final = 2

#: A name without folders, also in Windows' way: a description from elsewhere must not lead readers
#: out of its folder.
_IN_THE_FOLDER = r"^[^/\\\x00.][^/\\\x00]*$"

_SHA256: Final = re.compile("[0-9a-f]{64}")
#: Bytes of a TFRecord file per record beside its content: length and two checksums.
_RECORD_BYTES: Final = 16
#: Characters of a fault in a message.
_MAX_SHOWN: Final = 100


#: No disk holds more records or bytes.
Count = Annotated[int, Field(ge=0, le=2**50, strict=True)]
#: Number by split, then by label.
Counts = dict[str, dict[str, Count]]

#: Settings of the sound that bear on training, not on what is in the shards.
_FREE_AUDIO_SETTINGS = frozenset({"clip_std", "silence_rms_db", "noise_flatness"})


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatasetFormat(BaseModel):
    """The one field that every version of ``dataset.json`` has."""

    format_version: int


class Shard(_Description):
    """One TFRecord file; its name is that of a file in the data set's own folder."""

    name: Annotated[Line, Field(pattern=_IN_THE_FOLDER)]
    records: Count
    bytes: Count
    sha256: Line


class DatasetInfo(_Description):
    """Everything about a data set but its records.

    Attributes:
        labels: the classes of the training split, sorted, or those of the model that the data set
            was made to measure; a record's label is an index into it.
        players: names of those who are seen, by label, sorted; empty where the source knows none.
        counts: records by split and label.
        recordings: names of the recordings, by split and label.
        silent: clips below the silence threshold, by split and label; they are in the shards.
        noise_like: clips that sound like noise, likewise.
        padded: clips whose file ended early, likewise; zeros follow.
        dropped_silent: silent clips that ``data.drop_silent`` kept out of the shards, likewise.
        skipped: what of the source is not in the shards, and why, silent clips included.
        mended: records whose sound was put right, and how.
        shared_recordings: recordings in more than one split; ideally none.
        config: the whole configuration at preprocessing; ``config.audio`` made the log-mels.
        statistics: mean and std of each mel band over the training split, or that model's.
        shards: the files of each split, in reading order.
        other_sounds: by split, the file of sounds of none of the labels.
        source: the folder it was made from.
        source_kind: its format, as in :data:`cargan_tf.data.sources.detection.FORMATS`.
        notes: what else its reader should know, one line each.
        plan: what the data set was made from, as one hash.
    """

    format_version: Literal[2]
    labels: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_LABELS)]
    players: dict[str, tuple[Line, ...]]
    counts: Counts
    recordings: dict[str, dict[str, tuple[Line, ...]]] = {}
    silent: Counts
    noise_like: Counts
    padded: Counts
    dropped_silent: Counts = {}
    skipped: tuple[Skipped, ...]
    mended: tuple[Skipped, ...] = ()
    shared_recordings: tuple[Line, ...]
    config: Config
    statistics: BandStatistics
    shards: dict[str, tuple[Shard, ...]]
    other_sounds: dict[str, Shard] = {}
    source: Line
    source_kind: Line
    notes: tuple[Line, ...] = ()
    plan: Line

    @field_validator("players", mode="before")
    @classmethod
    def _without_labels(cls, players: Any) -> Any:
        """Data sets of version 0.1 name the players without their labels."""
        return {} if isinstance(players, list | tuple) else players

    @property
    def has_waveforms(self) -> bool:
        """Whether records hold waveforms; not if the source has spectrogram images."""
        return self.source_kind != REFERENCE_LISTS

    def records(self, split: str) -> int:
        """Number of records in ``split``; 0 where the data set has no such split."""
        return sum(shard.records for shard in self.shards.get(split, ()))

    @property
    def held_out_split(self) -> str | None:
        """Where to measure during training: ``validation``, else ``test``, else nowhere."""
        return next((split for split in ("validation", "test") if self.records(split)), None)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Full batches in one pass over the training split.

        Raises:
            UserError: there is not even one.
        """
        records = self.records("train")
        if records < batch_size:
            raise UserError(
                f"the training split has {records} pairs, fewer than one batch of {batch_size}:"
                f" set training.batch_size to {records} or less, or add data."
            )
        return records // batch_size

    def training_steps(self, training: TrainingConfig) -> int:
        """Steps of a whole run, to its last epoch or as many as are configured."""
        epochs = training.epochs + training.decay_epochs
        return training.steps or epochs * self.steps_per_epoch(training.batch_size)


def load_dataset(path: Path) -> DatasetInfo:
    """The description of the data set in the folder ``path``; its shards are all there.

    Raises:
        UserError: no data set, a damaged one, another format, or a shard missing or cut short.
    """
    path = to_path(path)
    file = path / DATASET_FILE
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no prepared data set in {path} (no {DATASET_FILE}): make one with"
            f" `cargan preprocess SOURCE {path}`."
        ) from error
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{file} is larger than {MAX_BYTES >> 20} MB: it is no {DATASET_FILE}.")
    try:
        written_as = DatasetFormat.model_validate_json(content).format_version
        if written_as != FORMAT_VERSION:
            raise UserError(
                f"{file} has format {written_as}, this version of cargan_tf reads"
                f" {FORMAT_VERSION}: run `cargan preprocess` again with this version."
            )
        info = DatasetInfo.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part)[:_MAX_SHOWN] for part in first["loc"]) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        received = first["input"]
        if isinstance(received, str | int | float) and first["type"] != "json_invalid":
            what += f", received {str(received)[:_MAX_SHOWN]!r}"
        raise UserError(
            f"{file} is damaged: {where}: {what}; run `cargan preprocess` again."
        ) from error
    check_labels(info.labels, str(file))
    contradiction = _contradiction(info)
    if contradiction is not None:
        raise UserError(f"{file} is damaged: {contradiction}; run `cargan preprocess` again.")
    _check_shards(path, info)
    return info


def check_fits(info: DatasetInfo, config: Config) -> None:
    """That ``config`` reads sound and images as the data set was made.

    Raises:
        UserError: a setting differs; names the first.
    """
    ours, theirs = config.audio.model_dump(), info.config.audio.model_dump()
    differing = [
        (f"audio.{name}", theirs[name], ours[name])
        for name in ours
        if name not in _FREE_AUDIO_SETTINGS and ours[name] != theirs[name]
    ]
    differing += [
        (f"data.{name}", getattr(info.config.data, name), getattr(config.data, name))
        for name in ("image_size", "image_fit")
        if getattr(info.config.data, name) != getattr(config.data, name)
    ]
    most = max(map(len, info.players.values()), default=0)
    if config.model.players and most > config.model.players:
        raise UserError(
            f"the data set has up to {most} players of a label, model.players is"
            f" {config.model.players}: set it to {most}, or to 0."
        )
    if differing:
        name, made_with, received = differing[0]
        raise UserError(
            f"the data set was made with {name} = {made_with}, the configuration says"
            f" {received}: use the same, or run `cargan preprocess` with this configuration."
        )


def _contradiction(info: DatasetInfo) -> str | None:
    """What cannot be true, before anything is made of the numbers: as many records as are claimed
    are ordered and shuffled before the first is read."""
    kinds = (info.counts, info.silent, info.noise_like, info.padded, info.dropped_silent)
    splits = {split for counts in kinds for split in counts}
    for split in sorted({*splits, *info.recordings, *info.shards, *info.other_sounds} - {*SPLITS}):
        return f"it has the split {split[:_MAX_SHOWN]!r}; expected {', '.join(SPLITS)}"
    by_label: list[Mapping[str, object]] = [info.players, *info.recordings.values()]
    by_label += [of_label for counts in kinds for of_label in counts.values()]
    for label in sorted({label for group in by_label for label in group} - {*info.labels}):
        return f"{label[:_MAX_SHOWN]!r} is none of its labels"
    if len(info.statistics.mean) != info.config.audio.n_mels:
        return (
            f"it has statistics of {len(info.statistics.mean)} mel bands; expected"
            f" {info.config.audio.n_mels}"
        )
    shards = [shard for shards in info.shards.values() for shard in shards]
    shards += info.other_sounds.values()
    if len({shard.name for shard in shards}) < len(shards):
        return "it names a file twice"
    for shard in shards:
        if shard.records * _RECORD_BYTES > shard.bytes:
            return (
                f"{shard.records:,} records cannot be in the {shard.bytes:,} bytes of {shard.name}"
            )
        if not _SHA256.fullmatch(shard.sha256):
            return f"{shard.sha256[:_MAX_SHOWN]!r} is no SHA-256"
    for split in info.shards:
        counted = sum(info.counts.get(split, {}).values())
        if counted != info.records(split):
            return (
                f"it counts {counted:,} records in {split}, and its shards have"
                f" {info.records(split):,}"
            )
    return None


def _check_shards(path: Path, info: DatasetInfo) -> None:
    folder = path.resolve()
    for shards in (*info.shards.values(), tuple(info.other_sounds.values())):
        for shard in shards:
            file = path / shard.name
            if file.is_symlink() and not file.resolve().is_relative_to(folder):
                raise UserError(
                    f"{file} is a link out of the data set's folder, and is not followed: copy the"
                    " file itself there."
                )
            size = file.stat().st_size if file.is_file() else None
            if size != shard.bytes:
                found = "is missing" if size is None else f"has {size} bytes"
                raise UserError(
                    f"{file} {found}, expected {shard.bytes} bytes: copy the data set again or"
                    " run `cargan preprocess` again."
                )
