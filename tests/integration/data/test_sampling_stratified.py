import numpy as np
import pytest

from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.records import parse_summaries, read_records
from cargan_tf.data.sampling import stratified_sample


@pytest.fixture(scope="module")
def dataset(tiny_data):
    return load_dataset(tiny_data)


def classes_of(dataset, path, split):
    records = read_records([str(path / shard.name) for shard in dataset.shards[split]])
    return np.array([int(parse_summaries([record])["label"][0]) for record in records])


def test_all_are_taken_where_there_are_no_more(dataset, tiny_data):
    assert stratified_sample(dataset, tiny_data, "test", 12, seed=0) is None


@pytest.mark.parametrize("limit", [1, 3, 10, 23])
def test_classes_are_chosen_evenly(dataset, tiny_data, limit):
    chosen = stratified_sample(dataset, tiny_data, "train", limit, seed=0)
    assert len(set(chosen)) == limit
    assert chosen == sorted(chosen)
    counts = np.bincount(classes_of(dataset, tiny_data, "train")[chosen], minlength=3)
    assert counts.max() - counts.min() <= 1


def test_the_choice_is_the_seed_s(dataset, tiny_data):
    first, again, other = (
        stratified_sample(dataset, tiny_data, "train", 6, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_no_record_at_all_is_refused(dataset, tiny_data):
    with pytest.raises(ValueError, match="at least 1"):
        stratified_sample(dataset, tiny_data, "train", 0, seed=0)


def test_shards_that_hold_fewer_than_they_are_said_to_end_the_choice(dataset, tiny_data):
    shards = tuple(shard.model_copy(update={"records": 99}) for shard in dataset.shards["test"])
    said_more = dataset.model_copy(update={"shards": {"test": shards}})
    assert stratified_sample(said_more, tiny_data, "test", 50, seed=0) == list(range(12))
