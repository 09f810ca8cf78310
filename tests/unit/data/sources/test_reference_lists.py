import shutil
from pathlib import Path

import pytest
from PIL import Image

from cargan_tf.data.sources.folder import LEADS_OUT
from cargan_tf.data.sources.reference_lists import find_reference_lists, read_reference_lists
from cargan_tf.errors import UserError

SAMPLE = Path(__file__).parents[4].parent / "shared" / "data" / "suburmp_sample"
CELLO, VIOLIN = ("0," * 1 + "1" + ",0" * 11, "0, " * 12 + "1")


@pytest.fixture
def folder(tmp_path):
    """The authors' ``sample_data``: two classes, two splits."""
    root = tmp_path / "sample_data"
    for split, number in (("train", 0), ("test", 1)):
        for label in ("cello", "violin"):
            for kind, suffix in (("spectram", "png"), ("img_256", "jpg")):
                path = root / kind / split / label / f"{label}0{number}_2400.{suffix}"
                path.parent.mkdir(parents=True)
                Image.new("RGB", (4, 4)).save(path)
    return root


def line(label, number, one_hot, base="./sample_data/", split="train"):
    name = f"{split}/{label}/{label}0{number}_2400"
    return f"{base}spectram/{name}.png||{one_hot}||{base}img_256/{name}.jpg"


def write_lists(folder):
    lines = [line("cello", 0, CELLO), line("violin", 0, VIOLIN)]
    (folder / "train_data.txt").write_text("\n".join(lines))
    (folder / "test_data.txt").write_text(line("cello", 1, CELLO, split="test") + "\n")


def keys(source):
    return [pair.key for pair in source.pairs]


def test_folders_with_splits(folder):
    assert find_reference_lists(folder) == folder
    source = read_reference_lists(folder)
    assert keys(source) == [
        ("train", "cello", "cello00", 2400),
        ("train", "violin", "violin00", 2400),
        ("test", "cello", "cello01", 2400),
        ("test", "violin", "violin01", 2400),
    ]
    assert source.spectrograms
    assert source.pairs[0].audio == folder / "spectram/train/cello/cello00_2400.png"


def test_folders_name_what_has_no_partner(folder):
    (folder / "img_256/train/cello/cello00_2400.jpg").unlink()
    (folder / "spectram/train/violin/notes.csv").touch()
    source = read_reference_lists(folder)
    assert len(source.pairs) == 3
    assert [(item.what, item.why) for item in source.skipped] == [
        ("spectram/train/violin/notes.csv", "not one of .png"),
        ("spectram/train/cello/cello00_2400.png", "no image of the same name"),
    ]


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="no ../shared/data/suburmp_sample")
def test_the_real_pairs_have_no_splits():
    source = read_reference_lists(find_reference_lists(SAMPLE))
    assert len(source.pairs) == 26
    assert {pair.split for pair in source.pairs} == {""}
    assert len({pair.label for pair in source.pairs}) == 13
    assert not source.skipped


def test_lists_go_before_folders_and_name_the_split(folder):
    write_lists(folder)
    source = read_reference_lists(find_reference_lists(folder))
    assert keys(source) == [
        ("train", "cello", "cello00", 2400),
        ("train", "violin", "violin00", 2400),
        ("test", "cello", "cello01", 2400),
    ]
    assert len(read_reference_lists(find_reference_lists(folder / "test_data.txt")).pairs) == 1


def test_without_class_folders_the_one_hot_names_the_label(folder):
    for number, name in enumerate(("a_0.png", "a_0.jpg", "b_0.png", "b_0.jpg")):
        Image.new("RGB", (4, 4)).save(folder / name)
        assert number < 4
    (folder / "list.txt").write_text(f"a_0.png||{CELLO}||a_0.jpg\nb_0.png||[{VIOLIN}]||b_0.jpg\n")
    source = read_reference_lists(folder)
    assert keys(source) == [("", "cello", "a", 0), ("", "violin", "b", 0)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a_0.png||0, 1||a_0.jpg", "one-hot label of 2 classes, and no class folder"),
        ("a_0.png||1, 1, 0||a_0.jpg", "is not a single 1 among zeros"),
        ("a_0.png||cello||a_0.jpg", "is not a row of numbers"),
        ("a_0.png||1, 0", "2 parts between ||"),
        (f"gone.png||{CELLO}||a_0.jpg", r"no file gone.png"),
        (f"a_0.png||{CELLO}||b_0.jpg", "a_0.png and b_0.jpg are not of one moment"),
    ],
)
def test_a_bad_line_is_left_out_by_its_number(folder, text, why):
    for name in ("a_0.png", "a_0.jpg", "b_0.jpg"):
        (folder / name).touch()
    (folder / "list.txt").write_text(f"{line('cello', 0, CELLO)}\n\n{text}\n")
    source = read_reference_lists(folder)
    assert len(source.pairs) == 1
    (item,) = source.skipped
    assert item.what == "list.txt line 3"
    assert why in item.why


@pytest.mark.parametrize("base", ["../", "/tmp/", "spectram/../../"])
def test_a_path_that_leaves_the_folder(folder, base):
    (folder / "list.txt").write_text(line("cello", 0, CELLO, base=base))
    with pytest.raises(UserError, match=r"list.txt line 1, spectrogram: .* leads out of"):
        read_reference_lists(folder)


def test_other_folders_are_not_taken(folder, tmp_path):
    shutil.rmtree(folder / "img_256")
    assert find_reference_lists(folder) is None
    (folder / "notes.txt").write_text("train || test")
    assert find_reference_lists(folder) is None
    assert find_reference_lists(folder / "notes.txt") is None


def test_links_out_of_the_folder_are_skipped_by_name(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("mine")
    name = "img_256/train/cello/cello00_2400.jpg"
    (folder / name).rename(outside / "photo.jpg")
    (folder / name).symlink_to(outside / "photo.jpg")
    source = read_reference_lists(folder)
    assert len(source.pairs) == 3
    assert (name, LEADS_OUT) in [(item.what, item.why) for item in source.skipped]
