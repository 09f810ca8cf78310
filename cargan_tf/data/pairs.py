"""One half-second clip and the image that belongs to it, and what a source holds of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cargan_tf.errors import one_line

#: The parts of a data set, in the order in which they are worked through.
SPLITS: tuple[str, ...] = ("train", "validation", "test")

#: The split of a pair for which the data names none; ``splits.with_splits`` decides.
NO_SPLIT = ""

#: The kind of source that has spectrogram images instead of sound.
REFERENCE_LISTS = "authors"

#: (split, label, recording, start in ms): what makes a clip and an image one pair.
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

    @property
    def group(self) -> str:
        """What must not lie in two splits: the piece, else the recording."""
        return self.piece or self.recording

    @property
    def key(self) -> Key:
        """Unique among the pairs of a source."""
        return self.split, self.label, self.recording, self.start_ms

    @property
    def id(self) -> str:
        """The pair's name for people, such as ``violin/violin01/500``."""
        return f"{self.label}/{self.recording}/{self.start_ms}"


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

        Held-out figures of such recordings flatter a model: it has seen the player.
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
    """Gathers pairs, keeps the first of each key and names the others."""

    found: dict[Key, Pair] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, pair: Pair, what: str) -> None:
        """Take ``pair``, which the source calls ``what``, unless its key is taken.

        A name that cannot be written into a record is none: labels and recordings may come from
        names of files, which are bytes.
        """
        names = (pair.label, pair.recording, pair.player, pair.piece)
        if any(one_line(name) != name for name in names):
            self.skip(what, "its label, recording or player is not one line of text in UTF-8")
            return
        first = self.found.setdefault(pair.key, pair)
        if first is not pair:
            self.skip(what, f"duplicate of {pair.id} in {pair.split}")

    def skip(self, what: str, why: str) -> None:
        """Note that ``what`` is not used."""
        self.skipped.append(Skipped(what, why))

    def source(self, root: Path, kind: str) -> Source:
        """Everything gathered, in the order of the keys."""
        return Source(tuple(in_key_order(self.found.values())), tuple(self.skipped), root, kind)


def in_key_order(pairs: Iterable[Pair]) -> list[Pair]:
    """``pairs`` by split (training first, none last), label, recording and start."""
    order = (*SPLITS, NO_SPLIT)
    return sorted(pairs, key=lambda pair: (order.index(pair.split), *pair.key[1:]))
