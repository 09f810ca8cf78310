"""Classes of 8, 8 and 2 training pairs, each drawn equally often."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.input_pipeline import training_batches
from cargan_tf.data.inspection import imbalance_warning
from cargan_tf.data.preprocessing.preprocess import preprocess
from cargan_tf.data.sampling import BalancedOrder
from cargan_tf.errors import UserError

RARE = "cello"


@pytest.fixture
def unbalanced(tree, tmp_path, config):
    pairs = sorted((tree / "chunk/train" / RARE).iterdir())
    for sound in pairs[2:]:
        sound.unlink()
        (tree / "img/train" / RARE / f"{sound.stem}.jpg").unlink()
    preprocess(tree, tmp_path / "out", config, workers=1)
    return tmp_path / "out"


@pytest.fixture
def balanced(config):
    return override(config, ["training.batch_size=5", "data.balanced_classes=true"])


def ids(path, config, count, **options):
    stream = training_batches(load_dataset(path), path, config, **{"seed": 7, **options})
    return [name.decode() for batch in stream.take(count) for name in batch["id"].numpy()]


def labels_of(names):
    return [name.partition("/")[0] for name in names]


def test_each_class_comes_equally_often_and_each_record_before_any_comes_again(
    unbalanced, balanced
):
    names = ids(unbalanced, balanced, 48)  # 240 records: 80 rounds
    for start in range(0, 240, 3):
        assert len(set(labels_of(names[start : start + 3]))) == 3
    for label, size in ((RARE, 2), ("flute", 8), ("violin", 8)):
        own = [name for name in names if name.startswith(label)]
        assert len(own) == 80
        passes = [tuple(own[start : start + size]) for start in range(0, 80, size)]
        assert all(len(set(one)) == size for one in passes)
        assert len(set(passes)) > 1  # newly shuffled
    assert len(set(map(tuple, np.reshape(labels_of(names), (80, 3)).tolist()))) > 1


def test_without_it_the_rare_class_is_rare(unbalanced, balanced):
    as_they_are = override(balanced, ["data.balanced_classes=false"])
    counts = Counter(labels_of(ids(unbalanced, as_they_are, 30)))
    assert counts[RARE] < 0.3 * counts["violin"]


@pytest.mark.parametrize("start_step", [1, 3, 11])
def test_taken_up_it_goes_on_bit_for_bit(unbalanced, balanced, start_step):
    masked = override(balanced, ["data.freq_mask=4"])
    dataset = load_dataset(unbalanced)

    def batches(**options):
        stream = training_batches(dataset, unbalanced, masked, seed=7, **options)
        return list(stream.take(15 - options.get("start_step", 0)).as_numpy_iterator())

    whole, resumed = batches(), batches(start_step=start_step)
    for one, other in zip(whole[start_step:], resumed, strict=True):
        for name, value in one.items():
            np.testing.assert_array_equal(value, other[name])


def test_the_seed_alone_decides(unbalanced, balanced):
    tf.random.set_seed(1)
    first = ids(unbalanced, balanced, 6)
    tf.random.set_seed(2)
    assert ids(unbalanced, balanced, 6) == first
    assert ids(unbalanced, balanced, 6, seed=8) != first


def test_parts_of_workers_are_the_batches_of_one(unbalanced, balanced):
    config = override(balanced, ["training.batch_size=4"])
    whole = ids(unbalanced, config, 5)
    parts = [ids(unbalanced, config, 5, part=(index, 2)) for index in range(2)]
    joined = [name for step in range(5) for part in parts for name in part[2 * step : 2 * step + 2]]
    assert joined == whole


def test_a_class_without_records_takes_no_part():
    order = BalancedOrder(np.array([0, 2, 2, 5]), seed=0)
    assert order.classes == 3
    for number in range(6):
        members = sorted(order.round(number).tolist())
        assert members[0] == 0
        assert members[1] in (1, 2)
        assert members[2] == 3


def test_it_needs_the_records_in_memory(balanced):
    with pytest.raises(UserError, match="balanced_classes needs cache: true"):
        override(balanced, ["data.cache=false"])


def test_unbalanced_data_is_warned_of(unbalanced, dataset):
    said = imbalance_warning(load_dataset(unbalanced))
    assert "8 pairs of flute and 2 of cello: 4 to 1" in said
    assert "data.balanced_classes=true" in said
    assert imbalance_warning(dataset) is None
