from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from cargan_tf.config import DataConfig
from cargan_tf.data.pairs import Pair, Source, in_key_order
from cargan_tf.data.splits import all_in_test, leaks, with_splits

FRACTIONS = DataConfig(validation_fraction=0.2, test_fraction=0.1)


def pair(label, recording, start=0, split="", piece=""):
    file = Path("a")
    return Pair(split, label, recording, start, file, file, piece=piece)


def source(pairs):
    return Source(tuple(in_key_order(pairs)), (), Path(), "manifest")


def of_classes(**recordings):
    """So many recordings of each class, three clips each."""
    return source(
        pair(label, f"{label}{number}", start)
        for label, count in recordings.items()
        for number in range(count)
        for start in (0, 500, 1000)
    )


def recordings(done):
    found = {}
    for p in done.pairs:
        found.setdefault(p.split, {}).setdefault(p.label, set()).add(p.recording)
    return found


def counts(done):
    return {
        split: {label: len(names) for label, names in labels.items()}
        for split, labels in recordings(done).items()
    }


def test_shares_of_each_class_by_recording():
    done = with_splits(of_classes(cello=20, flute=10, tuba=3, violin=2), FRACTIONS)
    assert counts(done) == {
        "train": {"cello": 14, "flute": 7, "tuba": 1, "violin": 1},
        "validation": {"cello": 4, "flute": 2, "tuba": 1, "violin": 1},
        "test": {"cello": 2, "flute": 1, "tuba": 1},
    }
    assert not done.shared_recordings()
    assert len(done.pairs) == 35 * 3
    assert done.notes == ()


def test_a_single_recording_is_trained_on_and_named():
    done = with_splits(of_classes(cello=5, tuba=1, viola=1), FRACTIONS)
    assert counts(done)["train"] == {"cello": 3, "tuba": 1, "viola": 1}
    assert done.notes == (
        "2 classes have a single recording, which is in train, so that nothing held out shows"
        " them: tuba, viola",
    )


def test_the_seed_alone_decides():
    found = of_classes(cello=20, flute=20)
    first = with_splits(found, FRACTIONS)
    assert first == with_splits(replace(found, pairs=found.pairs[:]), FRACTIONS)
    other = with_splits(found, FRACTIONS.model_copy(update={"split_seed": 1}))
    assert counts(first) == counts(other)
    assert recordings(first) != recordings(other)


def test_splits_of_the_data_stay():
    given = source([pair("cello", "c0", 0, "test"), pair("cello", "c1", 0, "train")])
    assert with_splits(given, FRACTIONS) is given
    half = source([*given.pairs, pair("cello", "c0", 500), pair("flute", "f0")])
    done = {(p.recording, p.start_ms): p.split for p in with_splits(half, FRACTIONS).pairs}
    assert done == {("c0", 0): "test", ("c1", 0): "train", ("c0", 500): "test", ("f0", 0): "train"}


def test_the_players_of_a_piece_stay_together():
    pieces = [("violin", "cello"), ("violin", "violin"), ("flute", "cello"), ("flute", "flute")] * 6
    pairs = [
        pair(label, f"{number}-{track}", piece=str(number))
        for number, labels in enumerate([*pieces, ("tuba", "violin")])
        for track, label in enumerate(labels)
    ]
    done = with_splits(source(pairs), FRACTIONS)
    by_piece = {p.piece: p.split for p in done.pairs}
    assert all(by_piece[p.piece] == p.split for p in done.pairs)
    assert {p.label for p in done.pairs if p.split == "train"} == {
        "violin",
        "cello",
        "flute",
        "tuba",
    }
    held_out = Counter(by_piece.values())
    assert 3 <= held_out["validation"] <= 7
    assert 2 <= held_out["test"] <= 4


@pytest.mark.parametrize("fractions", [(0.0, 0.0), (0.0, 0.5), (0.45, 0.45)])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 10])
def test_every_class_is_trained_on_whatever_the_fractions(fractions, count):
    data = DataConfig(validation_fraction=fractions[0], test_fraction=fractions[1])
    done = counts(with_splits(of_classes(cello=count), data))
    assert done["train"]["cello"] >= 1
    assert ("validation" in done) == (fractions[0] > 0 and count > 1)
    assert sum(sum(labels.values()) for labels in done.values()) == count


def test_pairs_without_a_split_may_all_be_tested_on():
    pairs = [pair("tuba", "a"), pair("tuba", "b", split="validation"), pair("horn", "c")]
    done = all_in_test(source(pairs))
    assert [(p.recording, p.split) for p in done.pairs] == [
        ("b", "validation"),
        ("c", "test"),
        ("a", "test"),
    ]
    assert done.notes == ("2 pairs without a split are in test, none of them is trained on",)
    assert all_in_test(done) is done


def test_recordings_and_sound_files_in_two_splits_are_said():
    def of(split, recording, name):
        return replace(pair("tuba", recording, split=split), audio=Path(name))

    apart = source([of("train", "a", "a.wav"), of("test", "b", "b.wav")])
    assert leaks(apart) == ()
    shared = source(
        [of("train", f"r{n}", f"{n}.wav") for n in range(7)]
        + [of("test", f"r{n}", f"{n}-test.wav") for n in range(7)]
        + [of("validation", "other", "3.wav")]
    )
    assert leaks(shared) == (
        "7 recordings in more than one split, so that metrics of held-out pairs flatter a model:"
        " tuba/r0, tuba/r1, tuba/r2, tuba/r3, tuba/r4, …",
        "1 sound file in more than one split, so that metrics of held-out pairs flatter a model:"
        " 3.wav",
    )
