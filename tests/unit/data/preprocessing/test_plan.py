import os

import pytest

from cargan_tf.config.loading import override
from cargan_tf.data.pairs import Source
from cargan_tf.data.preprocessing.plan import make_plan
from cargan_tf.data.sources.detection import find_source
from cargan_tf.errors import UserError


def test_every_pair_is_in_one_shard_and_shards_are_mixed(tree, config):
    source = find_source(tree)
    plan = make_plan(source, config)
    ids = [pair.id for shard in plan.shards for pair in shard.pairs]
    assert sorted(ids) == sorted(pair.id for pair in source.pairs)
    assert [len(shard.pairs) for shard in plan.shards if shard.split == "train"] == [5] * 4 + [4]
    mixed = [len({pair.label for pair in shard.pairs}) > 1 for shard in plan.shards]
    assert sum(mixed) > 0.8 * len(mixed)
    assert plan.shards[0].name == "train-00000-of-00005.tfrecord"


def test_the_digest_follows_files_and_settings(tree, config):
    digest = make_plan(find_source(tree), config).digest
    assert digest == make_plan(find_source(tree), config).digest
    # what bears on training alone does not count
    assert digest == make_plan(find_source(tree), override(config, ["training.steps=5"])).digest
    assert digest != make_plan(find_source(tree), override(config, ["audio.n_mels=20"])).digest
    assert digest != make_plan(find_source(tree), override(config, ["data.image_size=64"])).digest
    os.utime(next(tree.glob("img/train/cello/*.jpg")), (0, 0))
    assert digest != make_plan(find_source(tree), config).digest


def test_the_folder_may_move(tree, config):
    digest = make_plan(find_source(tree), config).digest
    moved = tree.rename(tree.parent / "elsewhere")
    assert make_plan(find_source(moved), config).digest == digest


def test_labels_without_a_training_pair_are_left_out(tree, config):
    source = find_source(tree)
    pairs = tuple(p for p in source.pairs if (p.split, p.label) != ("train", "flute"))
    plan = make_plan(Source(pairs, (), source.root, source.kind), config)
    assert plan.labels == ("cello", "violin")
    assert len(plan.skipped) == 8
    assert plan.skipped[0].what == "validation/flute/flute02/0"
    assert plan.skipped[0].why == "no training pair has the label flute"


def test_no_training_pair(tree, config):
    source = find_source(tree)
    pairs = tuple(pair for pair in source.pairs if pair.split != "train")
    with pytest.raises(UserError, match="24 pairs, none of them in the split 'train'"):
        make_plan(Source(pairs, (), source.root, source.kind), config)
