import os

import pytest

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config.loading import override
from cargan_tf.data.pairs import Source
from cargan_tf.data.preprocessing.plan import Normalization, make_plan
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
    expected = r"24 pairs, none of them in the split 'train'; .*name it with --normalization-from"
    with pytest.raises(UserError, match=expected):
        make_plan(Source(pairs, (), source.root, source.kind), config)


def normalization(*labels, mean=-40.0):
    return Normalization("runs/mine", labels, BandStatistics((mean,) * 16, (9.0,) * 16))


def test_with_a_models_normalization_no_training_pair_is_needed(tree, config):
    source = find_source(tree)
    pairs = tuple(pair for pair in source.pairs if pair.split == "test")
    held_out = Source(pairs, (), source.root, source.kind)
    known = normalization("Violine", "flute", "tuba")
    plan = make_plan(held_out, config, known)
    assert plan.labels == ("Violine", "flute", "tuba")
    assert {pair.label for shard in plan.shards for pair in shard.pairs} == {"Violine", "flute"}
    assert {shard.split for shard in plan.shards} == {"test"}
    assert {item.why for item in plan.skipped} == {"runs/mine does not know the label cello"}
    assert "labels of runs/mine: violin is Violine" in plan.source.notes
    assert plan.digest == make_plan(held_out, config, known).digest
    for other in (normalization("Violine", "flute"), normalization(*known.labels, mean=-41.0)):
        assert plan.digest != make_plan(held_out, config, other).digest


def test_data_of_which_the_model_knows_no_label_is_refused(tree, config):
    with pytest.raises(UserError, match="holds no pair of the labels horn, tuba; skipped: 48"):
        make_plan(find_source(tree), config, normalization("horn", "tuba"))
