import pytest

from cargan_tf.data.sources.class_folders import find_class_folders
from cargan_tf.data.sources.detection import find_source
from cargan_tf.data.sources.folder import LEADS_OUT
from cargan_tf.errors import UserError


@pytest.fixture
def make(tmp_path):
    """Makes empty files, ``{}`` standing for a sound and an image; returns the folder."""

    def files(*names):
        for name in names:
            for kind in (("wav", "audio"), ("jpg", "images")) if "{" in name else ((None, None),):
                path = tmp_path / name.format(*kind)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return tmp_path

    return files


def found(source):
    return [(pair.split, pair.label, pair.audio.stem) for pair in source.pairs]


def test_sounds_beside_images(make):
    root = make("violin/a.{0}", "violin/b.{0}", "cello/a.{0}", "readme.md")
    source = find_source(root)
    assert source.kind == "class-folders"
    assert found(source) == [("", "cello", "a"), ("", "violin", "a"), ("", "violin", "b")]
    assert all(pair.audio.with_suffix(".jpg") == pair.image for pair in source.pairs)
    assert len({pair.group for pair in source.pairs}) == 3  # each may go to another split


@pytest.mark.parametrize(
    "name",
    [
        "{1}/violin/a.{0}",
        "violin/{1}/a.{0}",
        "Train/violin/a.{0}",
        "violin/train/a.{0}",
        "{1}/training/violin/a.{0}",
        "train_{1}/violin/a.{0}",
        "train/{1}/violin/a.{0}",
    ],
)
def test_folders_of_kinds_and_splits_in_any_order(make, name):
    source = find_source(make(name, name.replace("violin", "cello")))
    split = "train" if "rain" in name else ""
    assert found(source) == [(split, "cello", "a"), (split, "violin", "a")]


def test_a_parent_folder(make):
    root = make("downloads/set/violin/a.{0}", "downloads/set/cello/b.{0}", "downloads/set.zip")
    assert find_class_folders(root) == root / "downloads" / "set"
    assert {pair.label for pair in find_source(root).pairs} == {"cello", "violin"}


def test_a_class_in_two_spellings(make):
    source = find_source(make("{1}/Violin/a.{0}", "train/violin/b.{0}", "train/cello/c.{0}"))
    assert {pair.label for pair in source.pairs} == {"cello", "violin"}
    assert any("the label 'violin' is written in 2 ways" in note for note in source.notes)


def test_sound_and_image_below_class_folders_of_another_case(make):
    source = find_source(make("audio/Violin/a.wav", "img/violin/a.jpg", "audio/cello/b.wav"))
    assert found(source) == [("", "violin", "a")]
    assert [(item.what, item.why) for item in source.skipped] == [
        ("audio/cello/b.wav", "no image of the same name")
    ]


def test_round_numbers_are_milliseconds_of_a_recording_others_are_takes(make):
    names = ["violin/solo_0.{0}", "violin/solo_500.{0}", "cello/take_1.{0}", "cello/take_2.{0}"]
    assert [(pair.recording, pair.start_ms) for pair in find_source(make(*names)).pairs] == [
        ("cello-take_1", 0),
        ("cello-take_2", 0),
        ("violin-solo", 0),
        ("violin-solo", 500),
    ]


def test_folders_in_a_class_are_recordings(make):
    names = [
        f"{label}/concert{c}/{n}.{{0}}"
        for label in ("cello", "horn")
        for c in (1, 2)
        for n in (1, 2)
    ]
    pairs = find_source(make(*names)).pairs
    assert len(pairs) == len({pair.id for pair in pairs}) == 8
    assert {pair.recording for pair in pairs if pair.label == "horn"} == {
        "horn-concert1",
        "horn-concert2",
    }


def test_numbers_begin_anew_in_each_split(make):
    source = find_source(make("train/violin/1.{0}", "test/violin/1.{0}", "train/cello/1.{0}"))
    assert len(source.pairs) == 3
    assert source.shared_recordings() == ()


def test_other_sounds_and_hidden_files_are_no_class(make):
    root = make("violin/a.{0}", "cello/b.{0}", "none/door.wav", "violin/._a.wav", ".git/x/a.{0}")
    source = find_source(root)
    assert [pair.label for pair in source.pairs] == ["cello", "violin"]
    assert source.skipped == ()


def test_of_two_sounds_of_one_name_the_first_counts(make):
    source = find_source(make("violin/a.{0}", "violin/a.flac", "violin/a.txt", "cello/a.{0}"))
    assert [(item.what, item.why) for item in source.skipped] == [
        ("violin/a.txt", "neither a sound nor an image by its ending"),
        ("violin/a.wav", "duplicate of violin/a.flac"),
    ]


def test_photos_that_may_be_unreadable_are_still_paired(make):
    source = find_source(make("violin/a.wav", "violin/a.HEIC", "cello/b.{0}"))
    assert {pair.image.name for pair in source.pairs} == {"a.HEIC", "b.jpg"}


def test_a_link_in_a_circle_ends(make):
    root = make("violin/a.{0}", "cello/b.{0}")
    (root / "violin" / "again").symlink_to(root)
    assert len(find_source(root).pairs) == 2


def test_sounds_without_images_are_no_such_tree(make):
    root = make("violin/a.wav", "cello/b.wav", "violin/c.jpg")
    assert find_class_folders(root) is None
    with pytest.raises(
        UserError, match=r"nothing known in .* class folders with sounds and images"
    ):
        find_source(root)


def test_links_out_of_the_folder_are_skipped_by_name(make, tmp_path_factory):
    root, outside = make("violin/a.{0}", "cello/b.wav"), tmp_path_factory.mktemp("mine")
    (outside / "b.jpg").touch()
    (outside / "c.wav").touch()
    (outside / "c.jpg").touch()
    (root / "cello" / "b.jpg").symlink_to(outside / "b.jpg")
    (root / "flute").symlink_to(outside)
    source = find_source(root)
    assert found(source) == [("", "violin", "a")]
    skipped = {item.what: item.why for item in source.skipped}
    assert skipped["cello/b.jpg"] == skipped["flute"] == LEADS_OUT
    assert skipped["cello/b.wav"] == "no image of the same name"


def test_links_within_the_folder_and_to_it_are_followed(make, tmp_path_factory):
    root = make("set/violin/a.{0}", "set/cello/b.wav", "set/cello/other.jpg") / "set"
    (root / "cello" / "b.jpg").symlink_to(root / "cello" / "other.jpg")
    link = tmp_path_factory.mktemp("links") / "data"
    link.symlink_to(root)
    assert found(find_source(link)) == [("", "cello", "b"), ("", "violin", "a")]


def test_a_folder_of_links_says_why_nothing_is_read(make, tmp_path_factory):
    outside = make("violin/a.{0}", "cello/b.{0}")
    root = tmp_path_factory.mktemp("links")
    for names in (["violin"], ["violin", "cello"]):
        for name in names:
            (root / name).unlink(missing_ok=True)
            (root / name).symlink_to(outside / name)
        with pytest.raises(UserError, match=r"Links out of the folder are not followed: .*violin"):
            find_source(root)
