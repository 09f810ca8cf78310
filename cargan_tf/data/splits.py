"""Assign recordings, never single clips, to train, validation and test."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cargan_tf.config import DataConfig
from cargan_tf.data.pairs import NO_SPLIT, SPLITS, Pair, Source, in_key_order

TRAIN, *HELD_OUT = SPLITS
#: Recordings that a class must have for each of the held-out splits to get one.
_ENOUGH_FOR_ALL = 3
#: Names in a line that are written out.
_NAMED = 5


def hash_order(name: str, seed: int | None = None) -> tuple[bytes, str]:
    """What ``name`` is sorted by: a hash of it, and the name itself where two hashes are equal.

    Args:
        name: of a pair or a recording.
        seed: other seeds give other orders; without one there is a single order.
    """
    text = name if seed is None else f"{seed}/{name}"
    return hashlib.blake2b(text.encode(), digest_size=8).digest(), name


def with_splits(source: Source, data: DataConfig) -> Source:
    """``source`` with every pair in a split; what the data itself says stays as it is.

    Recordings are dealt out class by class, rarest first: at least one to training, then to each
    held-out split its fraction, but one at least where a class has three recordings or more. What
    has the same :attr:`Pair.group` stays together, so that where a recording has several classes
    the fractions are met as nearly as it allows.

    Args:
        source: pairs, some or all of which have no split.
        data: ``validation_fraction``, ``test_fraction`` and ``split_seed``, on which alone (and on
            the names of recordings) the choice depends.
    """
    open_pairs = [pair for pair in source.pairs if pair.split == NO_SPLIT]
    if not open_pairs:
        return source
    split_of = _given(source.pairs)
    labels_of: dict[str, set[str]] = defaultdict(set)
    for pair in source.pairs:
        labels_of[pair.group].add(pair.label)
    undecided = {pair.group for pair in open_pairs} - split_of.keys()
    _deal(undecided, labels_of, split_of, data)
    pairs = [
        replace(pair, split=split_of[pair.group]) if pair.split == NO_SPLIT else pair
        for pair in source.pairs
    ]
    notes = source.notes + _notes(undecided, labels_of, data)
    return replace(source, pairs=tuple(in_key_order(pairs)), notes=notes)


def all_in_test(source: Source) -> Source:
    """``source`` with every pair that has no split in the test split, to measure a model on."""
    given = sum(pair.split != NO_SPLIT for pair in source.pairs)
    if given == len(source.pairs):
        return source
    pairs = [
        replace(pair, split="test") if pair.split == NO_SPLIT else pair for pair in source.pairs
    ]
    note = f"{len(pairs) - given} pairs without a split are in test, none of them is trained on"
    return replace(source, pairs=tuple(in_key_order(pairs)), notes=(*source.notes, note))


def leaks(source: Source) -> tuple[str, ...]:
    """A line each for recordings and for sound files that lie in more than one split."""
    recordings = source.shared_recordings()
    files: dict[Path, set[str]] = defaultdict(set)
    for pair in source.pairs:
        files[pair.audio].add(pair.split)
    sounds = sorted(str(path.name) for path, splits in files.items() if len(splits) > 1)
    return tuple(
        f"{len(names)} {what if len(names) == 1 else what + 's'} in more than one split, so that"
        f" metrics of held-out pairs flatter a model: {', '.join(names[:_NAMED])}"
        + (", …" if len(names) > _NAMED else "")
        for what, names in (("recording", recordings), ("sound file", sounds))
        if names
    )


def _given(pairs: Iterable[Pair]) -> dict[str, str]:
    """Where the data itself puts a recording; training, if also there."""
    split_of: dict[str, str] = {}
    for pair in pairs:  # in the order of the splits, training first
        if pair.split != NO_SPLIT:
            split_of.setdefault(pair.group, pair.split)
    return split_of


def _deal(
    undecided: set[str], labels_of: dict[str, set[str]], split_of: dict[str, str], data: DataConfig
) -> None:
    """Enter a split for each of ``undecided`` into ``split_of``."""
    members: dict[str, list[str]] = defaultdict(list)
    for group in sorted(undecided, key=lambda group: hash_order(group, data.split_seed)):
        for label in labels_of[group]:
            members[label].append(group)
    wanted = {label: _quotas(len(groups), data) for label, groups in members.items()}
    trained = {
        label for group, split in split_of.items() if split == TRAIN for label in labels_of[group]
    }
    while members:
        label = min(members, key=lambda label: (len(members[label]), label))
        for group in members[label]:
            split = TRAIN if label not in trained else _neediest(labels_of[group], label, wanted)
            split_of[group] = split
            for other in labels_of[group]:
                wanted[other][split] -= 1
                if split == TRAIN:
                    trained.add(other)
        dealt = set(members.pop(label))
        companions = {other for group in dealt for other in labels_of[group]} - {label}
        for other in companions & members.keys():
            members[other] = [group for group in members[other] if group not in dealt]
            if not members[other]:
                del members[other]


def _neediest(labels: set[str], label: str, wanted: dict[str, Counter[str]]) -> str:
    """Where ``label`` lacks most recordings; of equals, where its companions lack most."""
    return max(
        SPLITS,
        key=lambda split: (wanted[label][split], sum(wanted[other][split] for other in labels)),
    )


def _quotas(recordings: int, data: DataConfig) -> Counter[str]:
    """How many recordings of a class go to each split."""
    fractions = dict(zip(HELD_OUT, (data.validation_fraction, data.test_fraction), strict=True))
    quotas: Counter[str] = Counter()
    for split in HELD_OUT:
        if fractions[split]:
            few = 1 if recordings >= _ENOUGH_FOR_ALL or not quotas.total() else 0
            quotas[split] = max(few, round(fractions[split] * recordings))
    while quotas.total() >= max(recordings, 1):  # something must be left to train on
        quotas[max(reversed(HELD_OUT), key=lambda split: quotas[split])] -= 1
    quotas[TRAIN] = recordings - quotas.total()
    return quotas


def _notes(
    undecided: set[str], labels_of: dict[str, set[str]], data: DataConfig
) -> tuple[str, ...]:
    if not (data.validation_fraction or data.test_fraction):
        return ()
    counts = Counter(label for labels in labels_of.values() for label in labels)
    dealt = {label for group in undecided for label in labels_of[group]}
    single = sorted(label for label in dealt if counts[label] == 1)
    if not single:
        return ()
    noun = "class has" if len(single) == 1 else "classes have"
    return (
        f"{len(single)} {noun} a single recording, which is in train, so that nothing held out"
        f" shows them: {', '.join(single)}",
    )
