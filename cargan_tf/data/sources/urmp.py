"""Reads the raw URMP release: one folder a piece, a sound file a track, one video of all players.

``01_Jupiter_vn_vc/`` holds ``AuSep_1_vn_01_Jupiter.wav``, ``AuSep_2_vc_01_Jupiter.wav`` and
``Vid_01_Jupiter.mp4``. The players stand side by side in the order of the tracks, so each one's
part of the image is taken to be an equal vertical strip.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from cargan_tf.audio.decode import open_sound
from cargan_tf.data.pairs import NO_SPLIT, Pair, PairCollector, Source
from cargan_tf.data.sources.folder import entries
from cargan_tf.data.video_reading import check_dependencies, read_facts
from cargan_tf.errors import UserError
from cargan_tf.labels import ALIASES, SUB_URMP_LABELS

KIND = "urmp"

_TRACK = re.compile(r"AuSep_(?P<number>\d+)_(?P<code>[A-Za-z]+)_.+")
_VIDEO = "Vid_*.mp4"


def find_urmp(path: Path) -> Path | None:
    """``path`` if it holds pieces, or the first folder in it that does (``Dataset``)."""
    if not path.is_dir():
        return None
    inside = (path, *_folders(path, path))
    return next((folder for folder in inside if _pieces(folder, path)), None)


def read_urmp(root: Path, step_ms: int) -> Source:
    """A pair for each player and each ``step_ms`` for which both sound and video last.

    Pairs have no split: pieces are dealt out, with all their players. Links out of ``root`` are
    named in ``skipped``.

    Raises:
        UserError: PyAV, which reads the videos, is not installed.
    """
    check_dependencies(root)
    collector = PairCollector()
    for folder in entries(root, root, collector.skip):
        if not folder.is_dir():
            continue
        inside = entries(folder, root, collector.skip)
        if _is_piece(inside):
            _read_piece(folder, inside, step_ms, collector)
        else:
            collector.skip(folder.name, "no AuSep_*.wav and Vid_*.mp4 in it")
    return collector.source(root, KIND)


def _read_piece(
    folder: Path, inside: Sequence[Path], step_ms: int, collector: PairCollector
) -> None:
    tracks, video = _tracks(inside), _videos(inside)[0]
    try:
        video_seconds = read_facts(video).seconds
    except UserError as error:
        collector.skip(f"{folder.name}/{video.name}", str(error))
        return
    for position, (code, path) in enumerate(tracks):
        what = f"{folder.name}/{path.name}"
        label = ALIASES.get(code, code)
        if label not in SUB_URMP_LABELS:
            collector.skip(what, f"{code!r} is not one of URMP's 13 codes")
            continue
        try:
            with open_sound(path) as sound:
                seconds = min(video_seconds, sound.frames / sound.samplerate)
        except UserError as error:
            collector.skip(what, str(error))
            continue
        for start_ms in range(0, 1 + round(1000 * seconds) - step_ms, step_ms):
            pair = Pair(
                NO_SPLIT,
                label,
                f"{folder.name}-{position + 1}",
                start_ms,
                audio=path,
                image=video,
                offset_ms=start_ms,
                frame_ms=start_ms,
                strip=(position, len(tracks)),
                piece=folder.name,
            )
            collector.add(pair, what)


def _tracks(inside: Sequence[Path]) -> list[tuple[str, Path]]:
    """Code and sound file of each track in a piece's folder, in the order of their numbers."""
    found = []
    for path in inside:
        name = _TRACK.fullmatch(path.stem)
        if name and path.suffix.lower() == ".wav":
            found.append((int(name["number"]), name["code"].lower(), path))
    return [(code, path) for _, code, path in sorted(found)]


def _videos(inside: Sequence[Path]) -> list[Path]:
    return [path for path in inside if fnmatch(path.name, _VIDEO)]


def _folders(path: Path, root: Path) -> list[Path]:
    return [folder for folder in entries(path, root) if folder.is_dir()]


def _pieces(folder: Path, root: Path) -> list[Path]:
    return [piece for piece in _folders(folder, root) if _is_piece(entries(piece, root))]


def _is_piece(inside: Sequence[Path]) -> bool:
    return bool(_videos(inside)) and bool(_tracks(inside))
