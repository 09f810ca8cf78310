"""What a prepared data set says of itself: the content of its ``dataset.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core import from_json

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, TrainingConfig
from cargan_tf.config.sections import Line
from cargan_tf.data.pairs import REFERENCE_LISTS, SPLITS, Skipped
from cargan_tf.errors import UserError, first_line
from cargan_tf.labels import MAX_LABELS, check_labels
from cargan_tf.utils.files import read_regular, to_path

DATASET_FILE = "dataset.json"
#: A million recordings are some 50 MB, 20,000 not one.
MAX_BYTES: Final = 2**26
#: Values in it, each of which takes up to 100 bytes once it is read.
MAX_VALUES: Final = 4_000_000
#: Entries of a mapping, and of a list of the settings or statistics.
_MAX_ENTRIES: Final = 4_096
#: Skipped and mended pairs that are named in it, of each; more are counted in a note.
MAX_NAMED: Final = 50_000

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


def _of_at_most(most: int) -> BeforeValidator:
    """Checks how many entries a mapping has, before each wrong one is a fault of a kilobyte."""

    def check(mapping: Any) -> Any:
        if isinstance(mapping, Mapping) and len(mapping) > most:
            raise ValueError(f"{len(mapping):,} entries; expected at most {most:,}")
        return mapping

    return BeforeValidator(check)


#: More than there are, so that one too many is named.
_BY_SPLIT: Final = _of_at_most(2 * len(SPLITS))
_BY_LABEL: Final = _of_at_most(MAX_LABELS)
#: No disk holds more records or bytes.
Count = Annotated[int, Field(ge=0, le=2**50, strict=True)]
#: Number by split, then by label.
Counts = Annotated[dict[str, Annotated[dict[str, Count], _BY_LABEL]], _BY_SPLIT]
_Lines = Annotated[tuple[Line, ...], FailFast()]
_LinesByLabel = Annotated[dict[str, _Lines], _BY_LABEL]

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
        skipped: what of the source is not in the shards, and why, silent clips included; the first
            :data:`MAX_NAMED`.
        mended: records whose sound was put right, and how; likewise.
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
    labels: Annotated[_Lines, Field(min_length=1, max_length=MAX_LABELS)]
    players: _LinesByLabel
    counts: Counts
    recordings: Annotated[dict[str, _LinesByLabel], _BY_SPLIT] = {}
    silent: Counts
    noise_like: Counts
    padded: Counts
    dropped_silent: Counts = {}
    skipped: Annotated[tuple[Skipped, ...], FailFast()]
    mended: Annotated[tuple[Skipped, ...], FailFast()] = ()
    shared_recordings: _Lines
    config: Config
    statistics: BandStatistics
    shards: Annotated[dict[str, Annotated[tuple[Shard, ...], FailFast()]], _BY_SPLIT]
    other_sounds: Annotated[dict[str, Shard], _BY_SPLIT] = {}
    source: Line
    source_kind: Line
    notes: _Lines = ()
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
        content = read_regular(file, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no prepared data set in {path} (no {DATASET_FILE}): make one with"
            f" `cargan preprocess SOURCE {path}`."
        ) from error
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(
            f"{file} is larger than {MAX_BYTES >> 20} MB: it is no {DATASET_FILE}."
        ) from error
    try:
        value = _parsed(content, file)
        written_as = DatasetFormat.model_validate(value).format_version
        if written_as != FORMAT_VERSION:
            raise UserError(
                f"{file} has format {written_as}, this version of cargan_tf reads"
                f" {FORMAT_VERSION}: run `cargan preprocess` again with this version."
            )
        info = DatasetInfo.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part)[:_MAX_SHOWN] for part in first["loc"]) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        received = first["input"]
        if isinstance(received, str | int | float):
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


def _parsed(content: bytes, file: Path) -> Any:
    """The value in ``content``, once: pydantic would copy all of it for each field that is missing.

    Raises:
        UserError: it is no JSON, or holds more values than a data set has.
    """
    values = sum(map(content.count, (b",", b"[", b"{")))
    if values > MAX_VALUES:
        raise UserError(
            f"{file} holds some {values:,} values; expected at most {MAX_VALUES:,}: it is no"
            f" {DATASET_FILE}."
        )
    try:
        value = from_json(content, cache_strings="keys")
    except ValueError as error:
        raise UserError(
            f"{file} is damaged: the file: {first_line(error)}; run `cargan preprocess` again."
        ) from error
    # Each unknown key and each wrong number is a fault of a kilobyte.
    most = _most_entries(value, lists=False)
    if isinstance(value, dict):
        most = max(most, *(_most_entries(value.get(name)) for name in ("config", "statistics")))
    if most > _MAX_ENTRIES:
        raise UserError(
            f"{file} is damaged: it has {most:,} entries in one place; expected at most"
            f" {_MAX_ENTRIES:,}; run `cargan preprocess` again."
        )
    return value


def _most_entries(value: Any, *, lists: bool = True) -> int:
    """Of any mapping in ``value``, and of any list."""
    most, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            inside = list(one.values())
        elif isinstance(one, list) and lists:
            inside = one
        else:
            continue
        most = max(most, len(inside))
        left += inside
    return most


def check_fits(info: DatasetInfo, config: Config) -> None:
    """Check that ``config`` reads sound and images as the data set was made.

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
