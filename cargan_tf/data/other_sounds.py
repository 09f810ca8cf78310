"""Sounds of none of the instruments: the folder ``none`` of a source, from which the sound
classifier learns to say that it hears none of its labels.

Files in ``none/train``, ``none/validation`` and ``none/test`` belong to that split; others are
dealt out. A long file gives several clips.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cargan_tf.audio.clips import root_mean_square, to_int16
from cargan_tf.audio.decode import read_audio, sound_files
from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo, Shard
from cargan_tf.data.pairs import SPLITS, Skipped
from cargan_tf.data.sources.folder import LEADS_OUT, leads_out, relative
from cargan_tf.data.splits import hash_order
from cargan_tf.errors import UserError
from cargan_tf.labels import NONE
from cargan_tf.utils.files import file_hash, to_path

#: Clips of one file at most, evenly spread.
CLIPS_PER_FILE: Final = 20
#: RMS below which a clip is left out: silence is recognized without the network.
_SILENCE: Final = 10 ** (-60 / 20)


def find_other_sounds(
    root: Path, config: Config, skip: Callable[[str, str], None] | None = None
) -> dict[str, list[Path]]:
    """The sound files of ``root/none`` by split, sorted; empty without that folder.

    Links out of ``root`` are not followed; ``skip`` is told of each and why.
    """
    root = root if root.is_dir() else root.parent
    folder = root / NONE

    def follow(path: Path) -> bool:
        outward = leads_out(path, root)
        if outward and skip is not None:
            skip(relative(path, root), LEADS_OUT)
        return not outward

    if not folder.is_dir() or not follow(folder):
        return {}
    found: dict[str, list[Path]] = {split: [] for split in SPLITS}
    undecided: list[Path] = []
    for path in sound_files(folder, follow):
        first = path.relative_to(folder).parts[0]
        (found[first] if first in SPLITS and path.parent != folder else undecided).append(path)
    undecided.sort(key=lambda path: hash_order(path.name, config.data.split_seed))
    held_out = [config.data.validation_fraction, config.data.test_fraction]
    counts = [round(fraction * len(undecided)) for fraction in held_out]
    found["validation"] += undecided[: counts[0]]
    found["test"] += undecided[counts[0] : sum(counts)]
    found["train"] += undecided[sum(counts) :]
    return {split: files for split, files in found.items() if files}


def write_other_sounds(
    files: dict[str, list[Path]], folder: Path, config: Config
) -> tuple[dict[str, Shard], list[Skipped]]:
    """Write the clips of each split's files to ``none-<split>.tfrecord``, 16-bit samples a record.

    Returns:
        The files written by split, and the sounds that cannot be read.
    """
    import tensorflow as tf

    shards, skipped = {}, []
    for split, paths in files.items():
        name = f"{NONE}-{split}.tfrecord"
        records = 0
        with tf.io.TFRecordWriter(str(folder / name)) as writer:
            for path in paths:
                try:
                    clips = _clips(path, config)
                except UserError as error:
                    skipped.append(Skipped(f"{NONE}/{split}/{path.name}", str(error)))
                    continue
                for clip in clips:
                    writer.write(to_int16(clip).astype("<i2").tobytes())
                    records += 1
        path = folder / name
        shards[split] = Shard(
            name=name, records=records, bytes=path.stat().st_size, sha256=file_hash(path)
        )
    return shards, skipped


def read_other_sounds(dataset: DatasetInfo, path: Path, split: str) -> NDArray[np.int16]:
    """[N, clip_samples] of a split of a data set; N is 0 where it has none."""
    import tensorflow as tf

    samples = dataset.config.audio.clip_samples
    shard = dataset.other_sounds.get(split)
    if shard is None or not shard.records:
        return np.zeros((0, samples), np.int16)
    records = tf.data.TFRecordDataset(str(to_path(path) / shard.name))
    content = b"".join(record.numpy() for record in records)
    return np.frombuffer(content, "<i2").reshape(-1, samples)


def _clips(path: Path, config: Config) -> list[NDArray[np.float32]]:
    audio = config.audio
    sound = read_audio(path, audio.sample_rate)
    samples = audio.clip_samples
    if len(sound) < samples:
        sound = np.pad(sound, (0, samples - len(sound)))
    count = min(CLIPS_PER_FILE, len(sound) // samples)
    starts = np.linspace(0, len(sound) - samples, count).round().astype(int)
    clips = [sound[start : start + samples] for start in starts]
    return [clip for clip in clips if root_mean_square(clip) > _SILENCE]
