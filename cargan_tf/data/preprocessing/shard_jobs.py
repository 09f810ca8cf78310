"""One shard as a piece of work that any process of any machine can do from a file alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cargan_tf.config import Config
from cargan_tf.data.pairs import Pair
from cargan_tf.data.preprocessing.plan import Plan, PlannedShard, finished_shard
from cargan_tf.data.preprocessing.worker import Chunk, extract
from cargan_tf.utils.files import write_atomically
from cargan_tf.utils.remote import to_path

#: Pairs read at a time. Fixed: the order in which numbers are summed, and with it their last bits,
#: must not depend on the number of workers. 64 images of 256 pixels are 13 MB.
CHUNK_PAIRS = 64


class ShardWork(BaseModel):
    """A planned shard, and what of the plan it takes to write it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    labels: tuple[str, ...]
    config: Config
    spectrograms: bool
    name: str
    split: str
    pairs: tuple[Pair, ...]


def chunks_of(planned: PlannedShard, config: Config, spectrograms: bool) -> list[Chunk]:
    """The pairs of a shard, as many at a time as one process takes on."""
    return [
        Chunk(
            planned.pairs[start : start + CHUNK_PAIRS],
            config.audio,
            config.data.image_size,
            spectrograms=spectrograms,
            drop_silent=config.data.drop_silent,
        )
        for start in range(0, len(planned.pairs), CHUNK_PAIRS)
    ]


def write_work(folder: Path, planned: PlannedShard, plan: Plan) -> Path:
    """Put down in ``folder`` what it takes to write ``planned`` there; returns the file."""
    work = ShardWork(
        digest=plan.digest,
        labels=plan.labels,
        config=plan.config,
        spectrograms=plan.source.spectrograms,
        name=planned.name,
        split=planned.split,
        pairs=planned.pairs,
    )
    file = folder / f".{planned.name}.work.json"
    write_atomically(file, work.model_dump_json().encode())
    return file


def do_work(file: str) -> str:
    """Write the shard that ``file`` describes beside it, with its report; returns its name.

    Done twice, at once or again, it gives the same bytes; a shard that is whole is left alone.
    """
    # Only here: TensorFlow takes seconds to import.
    from cargan_tf.data.preprocessing.shards import write_shard

    path = to_path(file)
    work = ShardWork.model_validate_json(path.read_bytes())
    pairs = tuple(_with_true_paths(work.pairs))
    planned = PlannedShard(work.name, work.split, pairs)
    if finished_shard(path.parent, planned, work.digest) is None:
        chunks = chunks_of(planned, work.config, work.spectrograms)
        write_shard(path.parent, planned, work, map(extract, chunks))
    return work.name


def _with_true_paths(pairs: tuple[Pair, ...]) -> Iterator[Pair]:
    """JSON gave back plain paths, also for ``gs://``."""
    for pair in pairs:
        yield replace(pair, audio=to_path(pair.audio), image=to_path(pair.image))
