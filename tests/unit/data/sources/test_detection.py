import pytest

from cargan_tf.data.sources.detection import find_source
from cargan_tf.errors import UserError


def write_manifest(tree):
    path = tree / "manifest.csv"
    stem = "train/cello/cello00_0"
    path.write_text(
        "split,label,recording,start_ms,audio,image\n"
        f"train,cello,cello00,0,chunk/{stem}.wav,img/{stem}.jpg\n"
    )
    return path


def test_each_kind(tree):
    assert find_source(tree).kind == "sub-urmp"
    path = write_manifest(tree)
    assert find_source(path).kind == "manifest"
    assert len(find_source(tree).pairs) == 1  # the manifest goes before the folders


def test_a_folder_in_a_folder_of_its_own(tree):
    write_manifest(tree)
    (tree.parent / "unpacked").mkdir()
    moved = tree.rename(tree.parent / "unpacked" / "set")
    (moved.parent / "license.txt").touch()
    assert find_source(moved.parent).kind == "manifest"


def test_nothing_there(tmp_path):
    with pytest.raises(
        UserError, match=r"no file or folder .*expected a CSV file with the columns"
    ):
        find_source(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is empty"):
        find_source(tmp_path)
    (tmp_path / "readme.txt").touch()
    with pytest.raises(UserError, match=r"nothing known in .* img/ and chunk/"):
        find_source(tmp_path)
    with pytest.raises(UserError, match=r"nothing known in .*readme.txt: expected a CSV"):
        find_source(tmp_path / "readme.txt")


def test_zero_pairs_says_what_was_left_out(tree):
    for image in tree.glob("img/*/*/*.jpg"):
        image.rename(image.with_suffix(".bmp"))
    with pytest.raises(UserError, match=r"no pair .* skipped: 96 \(img/test/cello/.*bmp: not"):
        find_source(tree)
