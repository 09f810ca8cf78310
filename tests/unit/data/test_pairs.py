from dataclasses import replace
from pathlib import Path

from cargan_tf.data.pairs import Pair, PairCollector, Source, with_frames


def a_pair(split="train", label="violin", recording="violin01", start=500):
    return Pair(split, label, recording, start, Path("a.wav"), Path("a.jpg"))


def test_id_and_key():
    assert a_pair().id == "violin/violin01/500"
    assert a_pair().key == ("train", "violin", "violin01", 500)


def test_what_stays_in_one_split():
    assert a_pair().group == "violin01"
    assert replace(a_pair(), piece="01_Jupiter_vn_vc").group == "01_Jupiter_vn_vc"


def test_duplicates_are_named_and_the_first_counts():
    collector = PairCollector()
    for line in ("line 2", "line 3"):
        collector.add(a_pair(), line)
    source = collector.source(Path(), "manifest")
    assert len(source.pairs) == 1
    assert [item.what for item in source.skipped] == ["line 3"]
    expected = "duplicate of violin/violin01/500 (line 2): the same sound and image"
    assert source.skipped[0].why == expected


def test_training_comes_first_and_starts_are_in_numeric_order():
    collector = PairCollector()
    for pair in (a_pair("test"), a_pair(start=1000), a_pair("validation"), a_pair(start=900)):
        collector.add(pair, "")
    pairs = collector.source(Path(), "manifest").pairs
    assert [(pair.split, pair.start_ms) for pair in pairs] == [
        ("train", 900),
        ("train", 1000),
        ("validation", 500),
        ("test", 500),
    ]


def test_recordings_in_two_splits_are_found():
    collector = PairCollector()
    for pair in (a_pair(), a_pair("test", start=900), a_pair("test", recording="violin02")):
        collector.add(pair, "")
    assert collector.source(Path(), "manifest").shared_recordings() == ("violin/violin01",)


def test_a_clip_of_a_video_has_several_frames_in_training_alone():
    video = {"audio": Path("a.mp4"), "image": Path("a.mp4")}
    pairs = [
        Pair(split, "violin", "a", start, offset_ms=start, frame_ms=start, **video)
        for split in ("train", "validation", "test")
        for start in (0, 500)
    ]
    found = with_frames(Source(tuple(pairs), (), Path(), "videos"), 3, 500).pairs
    training = [pair for pair in found if pair.split == "train"]
    assert [(pair.offset_ms, pair.frame_ms) for pair in training] == [
        *((0, 0), (0, 166), (0, 333)),
        *((500, 500), (500, 666), (500, 833)),
    ]
    assert [pair.start_ms for pair in training] == [0, 166, 333, 500, 666, 833]
    assert len({pair.id for pair in training}) == 6
    assert [pair for pair in found if pair.split != "train"] == pairs[2:]


def test_images_and_a_single_frame_stay_as_they_are():
    source = Source((a_pair(), a_pair(start=1000)), (), Path(), "manifest")
    assert with_frames(source, 4, 500) == source
    clip = replace(a_pair(), frame_ms=500)
    assert with_frames(replace(source, pairs=(clip,)), 1, 500).pairs == (clip,)


def test_two_sounds_of_one_moment_are_two_pairs_with_names_of_their_own():
    collector = PairCollector()
    for number, name in enumerate(("near.wav", "far.wav", "far.wav")):
        collector.add(replace(a_pair(""), audio=Path(name)), f"line {number}")
    source = collector.source(Path(), "manifest")
    assert [(pair.id, pair.audio.name) for pair in source.pairs] == [
        ("violin/violin01/500", "near.wav"),
        ("violin/violin01/500/1", "far.wav"),
    ]
    assert [item.why for item in source.skipped] == [
        "duplicate of violin/violin01/500 (line 1): the same sound and image"
    ]


def test_one_sound_with_several_images_is_pointed_out():
    collector = PairCollector()
    for number in range(3):
        pair = replace(a_pair(start=500 * number), image=Path(f"{number}.jpg"))
        collector.add(pair, f"line {number}")
    (note,) = collector.source(Path(), "manifest").notes
    assert note.startswith("3 pairs share their sound with another one; 3 use a.wav from 0 ms on: ")
    assert "start_ms or offset_ms" in note


def test_players_beside_each_other_may_share_a_sound():
    collector = PairCollector()
    for position in range(2):
        collector.add(replace(a_pair(), strip=(position, 2)), f"track {position}")
    assert collector.source(Path(), "urmp").notes == ()


def test_spellings_of_a_label_become_one_and_it_is_said():
    collector = PairCollector()
    for number, label in enumerate(("Violin", "violin", "violins", "cello")):
        collector.add(a_pair(label=label, recording=f"r{number}"), f"line {number}")
    source = collector.source(Path(), "manifest")
    assert [pair.label for pair in source.pairs] == ["cello", "violin", "violin", "violin"]
    assert source.notes[0] == (
        "the label 'violin' is written in 3 ways, which count as one: 'Violin', 'violin', 'violins'"
    )
