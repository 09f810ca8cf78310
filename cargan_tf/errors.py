"""Errors caused by the user's input, as one-line messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: Unicode categories that break a line, move a terminal's cursor or cannot be encoded: control
#: characters, surrogates (bytes of a file name that are not UTF-8), and line separators.
_UNWRITABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
#: Classes of characters that turn the direction of what follows, so that it reads as other text.
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})

#: Maximum characters quoted from another library's message.
_MAX_QUOTED = 200

#: Letters of a word that may be a misspelling; a stranger's file may have words of megabytes.
_MAX_MISSPELT = 100

#: Letters of a word that is proposed because it is part of another.
_MIN_PART = 4

#: How the operation Assert words a message of one part.
_ASSERTION = re.compile(r"assertion failed: \[(.*?)\](?=\s|$)", re.DOTALL)
#: Names of nodes, functions and devices, and the heading of Python's own errors.
_DECORATION = re.compile(
    r"\{\{.*?\}\}|\[\[.*?\]\]|\[Op:.*?\]|Graph execution error:|Detected at node [^\n]*\n"
    r"|<stack traces unavailable>|\(\d+\) [A-Z_]+: ",
    re.DOTALL,
)
#: A device, and a path of the machine; `serving` never names a file of the user's.
_PLACE = re.compile(r"/\S*(?:job:|/)\S*")


class UserError(Exception):
    """An error in the input, not in the program.

    The message is one line: what was received, what was expected, what to do. The command line
    prints it and exits with status 2; code that uses the library may catch it.
    """

    def __str__(self) -> str:
        """The message as one line, whatever the file names in it contain."""
        return one_line(super().__str__())


def one_line(text: object) -> str:
    """``text`` as one printable line: line feeds become ``\\n``, invalid UTF-8 bytes
    ``\\udcff``."""
    return "".join(
        letter.encode("unicode_escape").decode() if _is_unwritable(letter) else letter
        for letter in str(text)
    )


def _is_unwritable(letter: str) -> bool:
    return (
        unicodedata.category(letter) in _UNWRITABLE or unicodedata.bidirectional(letter) in _TURNING
    )


def is_line(text: object, longest: int) -> bool:
    """Whether ``text`` is a string of at most ``longest`` characters that needs no ``one_line``."""
    # Nearly all text is printable, which Python finds out at once.
    return (
        isinstance(text, str)
        and len(text) <= longest
        and (text.isprintable() or one_line(text) == text)
    )


def first_line(error: BaseException) -> str:
    """The first line of another library's message without its period; its type if it is empty."""
    return _shortened(error, (str(error).strip().splitlines() or [""])[0])


def full_message(error: BaseException) -> str:
    """Another library's whole message as one line without its period; its type if it is empty."""
    return _shortened(error, " ".join(str(error).split()))


def plain_message(text: str) -> str:
    """What a graph of TensorFlow refused and why, of its whole message: one line."""
    found = _ASSERTION.search(text)
    if found:
        return found[1].replace("\\'", "'").replace('\\"', '"')
    return " ".join(_PLACE.sub("", _DECORATION.sub(" ", text)).split())


def _shortened(error: BaseException, line: str) -> str:
    return line[:_MAX_QUOTED].rstrip(". ") or type(error).__name__


def install_hint(extra: str) -> str:
    """How to install an extra; the project is in no package index."""
    return f"pip install '.[{extra}]' in the checkout of cargan_tf"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """``1 label``, ``2 labels``; ``plural`` where it is not the noun with an s."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


class WorkerFailure(UserError):
    """Another worker of a multi-machine run failed; the input is fine.

    Restarting all workers resumes the run. The command line exits with a status of its own, so
    that schedulers can restart it.
    """


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The entries of ``known`` that ``word`` may be a misspelling or a part of, best first.

    Those at an edit distance of a third of its letters at most; then those that hold the word or
    are held by it. Others have nothing to do with it, however many letters they share.
    """
    if len(word) > _MAX_MISSPELT:  # comparing takes the product of both lengths
        return []
    by_lower = {entry.lower(): entry for entry in known}
    word = word.lower()
    distances = {entry: _edit_distance(word, entry) for entry in by_lower}
    misspelt = [entry for entry in by_lower if distances[entry] <= (len(word) + 1) // 3]
    parts = [entry for entry in by_lower if _is_part(word, entry) and entry not in misspelt]
    close = [*sorted(misspelt, key=distances.__getitem__), *parts]
    return [by_lower[entry] for entry in close[:count]]


def _is_part(first: str, second: str) -> bool:
    shorter, longer = sorted((first, second), key=len)
    return len(shorter) >= _MIN_PART and shorter in longer


def _edit_distance(first: str, second: str) -> int:
    """Letters inserted, deleted, replaced or exchanged with a neighbor (Damerau 1964)."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(second, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]


def did_you_mean(word: str, known: Iterable[str], count: int = 3) -> str:
    """`` Did you mean a or b?`` with a leading space, or an empty string if nothing is close."""
    return question(nearest(word, known, count))


def question(close: Iterable[str]) -> str:
    """`` Did you mean a or b?`` for the words in ``close``, or an empty string if it is empty."""
    words = " or ".join(map(repr, close))
    return f" Did you mean {words}?" if words else ""
