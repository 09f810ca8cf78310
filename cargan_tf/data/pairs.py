"""One half-second clip and the image that belongs to it, and what a source holds of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cargan_tf.errors import one_line
from cargan_tf.labels import merged_spellings

#: The parts of a data set, in the order in which they are worked through.
SPLITS: tuple[str, ...] = ("train", "validation", "test")

#: The split of a pair for which the data names none; ``splits.with_splits`` decides.
NO_SPLIT = ""

#: The kind of source that has spectrogram images instead of sound.
REFERENCE_LISTS = "authors"

#: (split, label, recording, start in ms): the moment that a pair is of.
Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Pair:
    """A clip and an image of the same moment.

    Attributes:
        split: one of :data:`SPLITS`, or :data:`NO_SPLIT`.
        label: the instrument, as the source spells it.
        recording: the piece the clip is cut from, such as ``violin01``.
        start_ms: where in the recording the moment lies, in milliseconds.
        audio: the sound file, a video with sound, or a spectrogram image.
        image: the image file, or a video.
        player: who is seen, where the source knows it.
        offset_ms: where in ``audio`` the clip begins; 0 where the file is the clip itself.
        frame_ms: where in ``image`` the image is shown, if that is a video.
        strip: (k, n) where the player is in the k-th of n equal vertical strips, from 0.
        piece: what was recorded at once with other recordings, such as the players of a quartet.
        source: where the sound comes from, such as a SoundFont, if the data says so.
        midi: MIDI key of the clip's note, if the data says so.
        serial: counts the pairs of one moment, from 0: several sounds or photos of it.
    """

    split: str
    label: str
    recording: str
    start_ms: int
    audio: Path
    image: Path
    player: str = ""
    offset_ms: int = 0
    frame_ms: int | None = None
    strip: tuple[int, int] = (0, 1)
    piece: str = ""
    source: str = ""
    midi: float | None = None
    serial: int = 0

    @property
    def group(self) -> str:
        """What must not lie in two splits: the piece, else the recording."""
        return self.piece or self.recording

    @property
    def key(self) -> Key:
        """The moment; together with ``serial``, unique among the pairs of a source."""
        return self.split, self.label, self.recording, self.start_ms

    @property
    def id(self) -> str:
        """The pair's name for people, such as ``violin/violin01/500``."""
        name = f"{self.label}/{self.recording}/{self.start_ms}"
        return f"{name}/{self.serial}" if self.serial else name

    @property
    def content(self) -> tuple[object, ...]:
        """Equal for pairs that are the same: of one moment, with one sound and one image."""
        sound = self.audio, self.offset_ms
        return *self.key, *sound, self.image, self.frame_ms, self.strip


@dataclass(frozen=True)
class Skipped:
    """A file or row that gives no record, and the reason."""

    what: str
    why: str

    def __post_init__(self) -> None:
        # Names of files may hold what no line of text can.
        object.__setattr__(self, "what", one_line(self.what))
        object.__setattr__(self, "why", one_line(self.why))


@dataclass(frozen=True)
class Source:
    """The contents of a source: its pairs sorted by key, and what was skipped.

    Attributes:
        pairs: sorted by :attr:`Pair.key`.
        skipped: everything seen that is not in ``pairs``.
        root: the folder that all the files lie in.
        kind: name of the format, as in :data:`cargan_tf.data.sources.detection.FORMATS`.
        notes: what its reader should know of it, one line each.
        spectrograms: its ``audio`` files are spectrogram images, not sound.
    """

    pairs: tuple[Pair, ...]
    skipped: tuple[Skipped, ...]
    root: Path
    kind: str
    notes: tuple[str, ...] = ()
    spectrograms: bool = False

    def shared_recordings(self) -> tuple[str, ...]:
        """Recordings that lie in more than one split, as ``violin/violin01``; ideally none.

        Held-out metrics of such recordings flatter a model: it has seen the player.
        """
        splits: dict[tuple[str, str], set[str]] = defaultdict(set)
        for pair in self.pairs:
            splits[pair.label, pair.recording].add(pair.split)
        return tuple(sorted("/".join(name) for name, seen in splits.items() if len(seen) > 1))


def with_frames(source: Source, frames: int, clip_ms: int) -> Source:
    """``source`` with ``frames`` images for each clip of the training split, where it has videos.

    The images are evenly spaced over the clip, the first at its start; the sound is the same.
    Validation and test keep one image, so that each sound has one photo of its own to be found.

    Args:
        source: with splits.
        frames: images per clip, at least 1.
        clip_ms: length of a clip.
    """
    pairs: dict[Key, Pair] = {}
    for pair in source.pairs:
        several = pair.split == "train" and pair.frame_ms is not None
        for frame in range(frames if several else 1):
            later = frame * clip_ms // frames
            at = None if pair.frame_ms is None else pair.frame_ms + later
            moved = replace(pair, start_ms=pair.start_ms + later, frame_ms=at)
            pairs.setdefault(moved.key, moved)
    return replace(source, pairs=tuple(in_key_order(pairs.values())))


@dataclass
class PairCollector:
    """Gathers pairs and what a source does not give; what is there twice counts once."""

    found: list[tuple[Pair, str]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, pair: Pair, what: str) -> None:
        """Take ``pair``, which the source calls ``what``.

        A name that cannot be written into a record is none: labels and recordings may come from
        names of files, which are bytes.
        """
        names = (pair.label, pair.recording, pair.player, pair.piece)
        if any(one_line(name) != name for name in names):
            self.skip(what, "its label, recording or player is not one line of text in UTF-8")
            return
        self.found.append((pair, what))

    def skip(self, what: str, why: str) -> None:
        """Note that ``what`` is not used."""
        self.skipped.append(Skipped(what, why))

    def source(self, root: Path, kind: str) -> Source:
        """Everything gathered, in the order of the keys, spellings of a label as one."""
        labels = merged_spellings(Counter(pair.label for pair, _ in self.found))
        first: dict[tuple[object, ...], str] = {}
        pairs = []
        for pair, what in self.found:
            pair = replace(pair, label=labels[pair.label])
            if pair.content in first:
                self.skip(
                    what,
                    f"duplicate of {pair.id} ({first[pair.content]}): the same sound and image",
                )
                continue
            first[pair.content] = what
            pairs.append(pair)
        pairs = numbered(pairs)
        notes = (*self.notes, *_merged_labels(labels), *_repeated_sounds(pairs))
        return Source(tuple(in_key_order(pairs)), tuple(self.skipped), root, kind, notes)


def numbered(pairs: Iterable[Pair]) -> list[Pair]:
    """``pairs`` in their order, those of one moment told apart by ``serial``."""
    moments: Counter[Key] = Counter()
    found = []
    for pair in pairs:
        found.append(replace(pair, serial=moments[pair.key]))
        moments[pair.key] += 1
    return found


def in_key_order(pairs: Iterable[Pair]) -> list[Pair]:
    """``pairs`` by split (training first, none last), label, recording and start."""
    order = (*SPLITS, NO_SPLIT)
    return sorted(pairs, key=lambda pair: (order.index(pair.split), *pair.key[1:], pair.serial))


def _merged_labels(labels: dict[str, str]) -> list[str]:
    written: dict[str, list[str]] = defaultdict(list)
    for label, name in labels.items():
        written[name].append(label)
    return [
        f"the label {name!r} is written in {len(spellings)} ways, which count as one:"
        f" {', '.join(map(repr, sorted(spellings)))}"
        for name, spellings in sorted(written.items())
        if len(spellings) > 1
    ]


def _repeated_sounds(pairs: Iterable[Pair]) -> list[str]:
    """A line where several images have the very same half second, as if offsets were missing."""
    uses = Counter((pair.audio, pair.offset_ms, pair.strip[1]) for pair in pairs)
    repeated = {sound: count for sound, count in uses.items() if count > sound[2]}
    if not repeated:
        return []
    (file, offset, _), count = max(repeated.items(), key=lambda item: item[1])
    return [
        f"{sum(repeated.values())} pairs share their sound with another one; {count} use"
        f" {file.name} from {offset} ms on: if they are of other moments, say where each begins"
        " (start_ms or offset_ms in a table)"
    ]
