"""Inspect a data set: a contact sheet of examples by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from cargan_tf.audio.log_mel import LEVELS, jet_colors
from cargan_tf.data.dataset import DatasetInfo, load_dataset
from cargan_tf.data.pairs import SPLITS
from cargan_tf.utils.progress import Reporter, SilentReporter
from cargan_tf.visualization.grids import fitted_text

#: Examples of a class, of as many recordings.
EXAMPLES = 3
#: From so many times as many pairs as the smallest class has, the largest is warned of.
IMBALANCE: Final = 4

#: Records read at a time: 56 MB of 256×256 images.
_BATCH = 256

_SILENT = SilentReporter()


#: Pixels of one image's side on the sheet.
CELL: Final = 128
MARGIN: Final = 4
CAPTION: Final = 34
NAME_WIDTH: Final = 120
TEXT: Final = (30, 30, 30)
#: Sizes of letters, and lines: of labels, and of captions, which stand under two cells.
_LABEL_SIZE: Final = 14
_LABEL_LINES: Final = 4
_CAPTION_SIZE: Final = 11
_CAPTION_LINES: Final = 2


@dataclass(frozen=True, eq=False)
class Example:
    """One record to look at.

    Attributes:
        label: its class.
        name: split and id, such as ``train/violin/violin01/500``.
        log_mel: float32 [n_mels, frames], lowest band first.
        photo: uint8 [H, W, 3].
    """

    label: str
    name: str
    log_mel: NDArray[np.float32]
    photo: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found; names are split and id, by label.

    Attributes:
        info: the data set's own description.
        silent: clips below ``audio.silence_rms_db``.
        noise_like: other clips above ``audio.noise_flatness``.
        unmeasured: clips of which neither is known, as they came as spectrogram images.
        examples: up to :data:`EXAMPLES` of each label, in the order of the labels.
    """

    info: DatasetInfo
    silent: dict[str, tuple[str, ...]]
    noise_like: dict[str, tuple[str, ...]]
    unmeasured: int
    examples: tuple[Example, ...]


def imbalance_warning(info: DatasetInfo) -> str | None:
    """What to do about training classes of very different size; ``None`` where they are alike."""
    counts = info.counts.get("train", {})
    of_label = {label: counts.get(label, 0) for label in info.labels}
    most, least = (choose(of_label, key=lambda label: of_label[label]) for choose in (max, min))
    if of_label[most] < IMBALANCE * max(1, of_label[least]):
        return None
    return (
        f"Warning: the training split has {of_label[most]} pairs of {most} and {of_label[least]} of"
        f" {least}: {of_label[most] / max(1, of_label[least]):.0f} to 1. A model learns the rare"
        " class less; data.balanced_classes=true draws each class equally often. Read metrics by"
        " class and their mean over classes."
    )


@dataclass
class _Found:
    """What is gathered of one label; examples are serialized records with their names."""

    silent: list[str] = field(default_factory=list)
    noise_like: list[str] = field(default_factory=list)
    by_recording: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    spare: list[tuple[str, bytes]] = field(default_factory=list)

    def examples(self) -> list[tuple[str, bytes]]:
        """Of different recordings, as far as there are so many."""
        return [*self.by_recording.values(), *self.spare][:EXAMPLES]


def inspect_dataset(path: Path, reporter: Reporter = _SILENT) -> Inspection:
    """Read through the data set in the folder ``path`` once.

    Raises:
        UserError: there is none, or it is damaged.
    """
    info = load_dataset(path)
    found = [_Found() for _ in info.labels]
    unmeasured = 0
    total = sum(info.records(split) for split in SPLITS)
    with reporter.task("Inspecting", total) as task:
        from cargan_tf.data.records import parse_summaries, read_records

        for split in SPLITS:
            files = [str(path / shard.name) for shard in info.shards.get(split, ())]
            for batch in read_records(files).batch(_BATCH) if files else ():
                summary = {name: value.numpy() for name, value in parse_summaries(batch).items()}
                unmeasured += int(np.isnan(summary["rms_db"]).sum())
                _gather(info, found, split, batch.numpy(), summary)
                task.advance(len(summary["label"]))
    return Inspection(
        info=info,
        silent=_by_label(info, [part.silent for part in found]),
        noise_like=_by_label(info, [part.noise_like for part in found]),
        unmeasured=unmeasured,
        examples=tuple(
            _example(info, label, name, record)
            for label, part in zip(info.labels, found, strict=True)
            for name, record in part.examples()
        ),
    )


def _gather(
    info: DatasetInfo,
    found: list[_Found],
    split: str,
    records: NDArray[Any],
    summary: dict[str, NDArray[Any]],
) -> None:
    audio = info.config.audio
    silent = summary["rms_db"] < audio.silence_rms_db
    noise_like = ~silent & (summary["flatness"] > audio.noise_flatness)
    for row, record in enumerate(records):
        part = found[int(summary["label"][row])]
        name = f"{split}/{summary['id'][row].decode()}"
        if silent[row]:
            part.silent.append(name)
        elif noise_like[row]:
            part.noise_like.append(name)
        recording = summary["recording"][row].decode()
        if len(part.by_recording) < EXAMPLES and recording not in part.by_recording:
            part.by_recording[recording] = name, record
        elif len(part.spare) < EXAMPLES:
            part.spare.append((name, record))


def _by_label(info: DatasetInfo, names: list[list[str]]) -> dict[str, tuple[str, ...]]:
    return {
        label: tuple(sorted(of_label))
        for label, of_label in zip(info.labels, names, strict=True)
        if of_label
    }


def _example(info: DatasetInfo, label: str, name: str, record: bytes) -> Example:
    import tensorflow as tf

    from cargan_tf.data.records import parse

    audio, size = info.config.audio, info.config.data.image_size
    parsed = parse(tf.constant([record]), audio.n_mels, audio.frames, size)
    return Example(label, name, parsed["log_mel"][0].numpy(), parsed["photo"][0].numpy())


def contact_sheet_image(examples: Sequence[Example]) -> Image.Image:
    """One row a label: its name, then each example's spectrogram and photo above its own name.

    Spectrograms are drawn in jet colors from each clip's least to its greatest value, low notes
    at the bottom, time from left to right.
    """
    rows: dict[str, list[Example]] = {}
    for example in examples:
        rows.setdefault(example.label, []).append(example)
    columns = max(map(len, rows.values()), default=0)
    pair_width, height = 2 * (CELL + MARGIN) + MARGIN, CELL + CAPTION + MARGIN
    size = (NAME_WIDTH + columns * pair_width, MARGIN + max(1, len(rows)) * height)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for row, (label, shown) in enumerate(rows.items()):
        top = MARGIN + row * height
        words = label.replace("_", " ")
        title = fitted_text(words, _LABEL_SIZE, NAME_WIDTH - 2 * MARGIN, _LABEL_LINES)
        title.draw(pen, (MARGIN, top + CELL // 2), TEXT, "lm")
        for column, example in enumerate(shown):
            left = NAME_WIDTH + column * pair_width
            sheet.paste(_spectrogram(example.log_mel), (left, top))
            sheet.paste(_photo(example.photo), (left + CELL + MARGIN, top))
            width = 2 * CELL + MARGIN
            caption = fitted_text(example.name, _CAPTION_SIZE, width, _CAPTION_LINES)
            caption.draw(pen, (left, top + CELL + 2), TEXT)
    return sheet


def _spectrogram(log_mel: NDArray[np.float32]) -> Image.Image:
    least, greatest = float(log_mel.min()), float(log_mel.max())
    fractions = (log_mel[::-1] - least) / max(greatest - least, 1e-6)
    levels = np.clip(fractions * LEVELS, 0, LEVELS - 1).astype(np.uint8)
    return Image.fromarray(jet_colors()[levels]).resize((CELL, CELL), Image.Resampling.BILINEAR)


def _photo(photo: NDArray[np.uint8]) -> Image.Image:
    """In a cell, as wide or as high as it."""
    return ImageOps.contain(Image.fromarray(photo), (CELL, CELL), Image.Resampling.LANCZOS)
