import os
import shutil

import pytest
from PIL import Image

from cargan_tf.data.sources.detection import find_source
from cargan_tf.data.sources.folder import LEADS_OUT
from cargan_tf.data.sources.sub_urmp import find_tree, read_tree
from cargan_tf.errors import UserError


def test_every_pair_is_of_one_moment(tree):
    source = read_tree(tree)
    assert len(source.pairs) == 48
    assert source.skipped == ()
    for pair in source.pairs:
        assert pair.audio.stem == pair.image.stem == f"{pair.recording}_{pair.start_ms}"
        assert pair.audio.parent.name == pair.image.parent.name == pair.label
        assert pair.audio.parent.parent.name == pair.split


def test_missing_files_shift_nothing(tree):
    (tree / "img/train/cello/cello00_500.jpg").unlink()
    (tree / "chunk/train/cello/cello01_0.wav").unlink()
    source = read_tree(tree)
    assert len(source.pairs) == 46
    assert all(pair.audio.stem == pair.image.stem for pair in source.pairs)
    assert {(item.what, item.why) for item in source.skipped} == {
        ("chunk/train/cello/cello00_500.wav", "no image of the same name"),
        ("img/train/cello/cello01_0.jpg", "no sound of the same name"),
    }


@pytest.mark.parametrize("name", ["Sub-URMP", "Sub_URMP"])
def test_both_spellings_of_the_folder(tree, tmp_path, name):
    holder = tmp_path / "downloads"
    shutil.move(tree, holder / name)
    assert find_tree(holder) == holder / name
    assert len(find_source(holder).pairs) == 48


def test_validation_alone_and_test_alone(tree):
    for kind in ("img", "chunk"):
        shutil.rmtree(tree / kind / "test")
    assert {pair.split for pair in read_tree(tree).pairs} == {"train", "validation"}
    for kind in ("img", "chunk"):
        (tree / kind / "validation").rename(tree / kind / "test")
    assert {pair.split for pair in read_tree(tree).pairs} == {"train", "test"}


def test_other_suffixes(tree):
    image = tree / "img/train/flute/flute00_0.jpg"
    Image.open(image).save(image.with_suffix(".png"))
    image.unlink()
    other = tree / "img/train/flute/flute00_500.jpg"
    other.rename(other.with_suffix(".JPEG"))
    assert len(read_tree(tree).pairs) == 48


def test_what_cannot_be_read_is_named_with_its_reason(tree):
    folder = tree / "img/train/violin"
    for name in ("notes.txt", "violin_final.jpg", "cello00_9000.jpg", "violin00_0000.jpg"):
        shutil.copy(folder / "violin00_0.jpg", folder / name)
    (folder / ".DS_Store").touch()
    (tree / "img/holiday").mkdir()
    (tree / "img/train/loose.jpg").touch()
    source = read_tree(tree)
    assert len(source.pairs) == 48
    reasons = {item.what: item.why for item in source.skipped}
    assert reasons == {
        "img/holiday": "not a folder named train, validation, test",
        "img/train/loose.jpg": "lies outside the class folders",
        "img/train/violin/notes.txt": "not one of .jpeg, .jpg, .png",
        "img/train/violin/violin_final.jpg": "name is not violinNN_<milliseconds>",
        "img/train/violin/cello00_9000.jpg": "name is not violinNN_<milliseconds>",
        "img/train/violin/violin00_0000.jpg": "duplicate of img/train/violin/violin00_0.jpg",
    }


def test_underscores_in_class_names(tree):
    for kind, suffix in (("img", "jpg"), ("chunk", "wav")):
        folder = tree / kind / "train" / "double_bass"
        folder.mkdir()
        stem = tree / kind / "train" / "cello" / f"cello00_500.{suffix}"
        shutil.copy(stem, folder / f"double_bass01_24700.{suffix}")
    pair = next(pair for pair in read_tree(tree).pairs if pair.label == "double_bass")
    assert (pair.recording, pair.start_ms) == ("double_bass01", 24_700)


def test_order_is_the_same_whatever_the_system_lists_first(tree):
    ids = [pair.id for pair in read_tree(tree).pairs]
    assert ids == [pair.id for pair in read_tree(tree).pairs]
    assert ids.index("cello/cello00/500") < ids.index("cello/cello00/1000")


def test_a_class_whose_name_is_no_text_is_left_out_by_name(tree):
    name = os.fsdecode(b"flu\xffte")
    for kind, ending in (("img", "jpg"), ("chunk", "wav")):
        old = tree / kind / "train" / "cello"
        new = old.with_name(name)
        new.mkdir()
        (old / f"cello00_0.{ending}").rename(new / f"{name}00_0.{ending}")
    source = read_tree(tree)
    assert len(source.pairs) == 47
    (left,) = source.skipped
    assert "\\udcff" in left.what
    assert "not one line of text" in left.why


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        ({"validation": "Val", "train": "Train", "test": "Test"}, {"train", "validation", "test"}),
        ({"validation": "valid", "test": "testing"}, {"train", "validation", "test"}),
        ({"train": "TRAINING"}, {"train", "validation", "test"}),
    ],
)
def test_splits_in_other_words(tree, names, splits):
    for kind in ("img", "chunk"):
        for name, other in names.items():
            (tree / kind / name).rename(tree / kind / f"{name}.")
            (tree / kind / f"{name}.").rename(tree / kind / other)
    source = find_source(tree)
    assert (len(source.pairs), source.skipped) == (48, ())
    assert {pair.split for pair in source.pairs} == splits


@pytest.mark.parametrize("above", ["downloads", "downloads/unpacked"])
def test_a_parent_folder_of_a_tree_of_any_name(tree, tmp_path, above):
    holder = tmp_path / "downloads"
    (tmp_path / above).mkdir(parents=True)
    shutil.move(tree, tmp_path / above / "dataset")
    (holder / "readme.txt").touch()
    assert find_tree(holder) == tmp_path / above / "dataset"
    assert len(find_source(holder).pairs) == 48


def test_of_two_trees_side_by_side_one_must_be_named(tree, tmp_path):
    holder = tmp_path / "downloads"
    shutil.copytree(tree, holder / "old")
    shutil.move(tree, holder / "new")
    with pytest.raises(UserError, match=r"several trees of img/ and chunk/; name one: new, old\."):
        find_tree(holder)


def test_classes_of_another_case_in_img_and_chunk(tree):
    for split in ("train", "validation", "test"):
        (tree / "img" / split / "violin").rename(tree / "img" / split / "Violin")
    source = find_source(tree)
    assert (len(source.pairs), source.skipped) == (48, ())
    assert {pair.label for pair in source.pairs} == {"cello", "flute", "Violin"}


def test_numbered_files_are_paired_by_their_names(tmp_path):
    for split in ("train", "test"):
        for label in ("cello", "violin"):
            for number in range(1, 4):
                stem = f"{split}/{label}/{number}"
                for path in (tmp_path / f"img/{stem}.jpg", tmp_path / f"chunk/{stem}.wav"):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
    (tmp_path / "chunk/test/violin/3.wav").unlink()
    source = find_source(tmp_path)
    assert source.kind == "sub-urmp"
    assert len(source.pairs) == 11
    assert all(pair.audio.stem == pair.image.stem for pair in source.pairs)
    assert source.shared_recordings() == ()  # 1.wav of two splits is not one recording
    assert len({pair.group for pair in source.pairs}) == 11
    ((what, why),) = ((item.what, item.why) for item in source.skipped)
    assert (what, why) == ("img/test/violin/3.jpg", "no sound of the same name")


def test_links_out_of_the_tree_are_skipped_by_name(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("mine")
    shutil.move(tree / "img/train/cello/cello00_500.jpg", outside / "photo.jpg")
    (tree / "img/train/cello/cello00_500.jpg").symlink_to(outside / "photo.jpg")
    shutil.move(tree / "chunk/test/violin", outside / "violin")
    (tree / "chunk/test/violin").symlink_to(outside / "violin")
    source = read_tree(tree)
    why = {item.what: item.why for item in source.skipped}
    assert why["img/train/cello/cello00_500.jpg"] == why["chunk/test/violin"] == LEADS_OUT
    assert source.pairs
    assert all(outside not in pair.image.resolve().parents for pair in source.pairs)
    shutil.move(tree / "chunk", outside / "chunk")
    (tree / "chunk").symlink_to(outside / "chunk")
    assert find_tree(tree) is None
