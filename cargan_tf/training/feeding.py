"""Training batches, each spread over the devices of all workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from cargan_tf.config import Config
from cargan_tf.data.dataset import DatasetInfo
from cargan_tf.data.pipeline import training_batches
from cargan_tf.errors import UserError
from cargan_tf.training.replicas import Batch


def spread_batches(
    strategy: tf.distribute.Strategy, dataset: DatasetInfo, data: Path, config: Config, start: int
) -> Iterator[Batch]:
    """The batches after step ``start``, as the strategy's replicas take them.

    They are the same for any number of workers and devices: each worker goes through the records in
    the same order and keeps its own part of each batch. Sharded by file, as TensorFlow would do by
    itself, workers would meet other records together than one worker does.
    """
    seed = config.training.seed

    def own_part(context: tf.distribute.InputContext) -> tf.data.Dataset:
        part = (context.input_pipeline_id, context.num_input_pipelines)
        own = training_batches(dataset, data, config, seed=seed, start_step=start, part=part)
        return own.rebatch(config.training.batch_size // context.num_replicas_in_sync)

    if strategy.cluster_resolver is not None:
        return iter(strategy.distribute_datasets_from_function(own_part))
    whole = training_batches(dataset, data, config, seed=seed, start_step=start)
    return iter(strategy.experimental_distribute_dataset(whole))


def check_divisible(config: Config, replicas: int, workers: int) -> None:
    """That all devices get as many pairs of a batch.

    Raises:
        UserError: they do not.
    """
    batch = config.training.batch_size
    if batch % replicas:
        spread = f" ({workers} workers of {replicas // workers})" if workers > 1 else ""
        raise UserError(
            f"training.batch_size = {batch} cannot be shared evenly by {replicas} devices{spread};"
            f" the nearest that can is {max(1, round(batch / replicas)) * replicas}."
        )
