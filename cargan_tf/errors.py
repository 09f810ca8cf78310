"""What goes wrong because of what was given, said in one line."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

#: Control characters, halves of surrogate pairs (which stand for bytes of a name that are no
#: UTF-8), and separators of lines: they break a line, move a terminal's cursor, or cannot be
#: written.
_UNWRITABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})

#: Characters of another library's message that one of ours repeats.
_REPEATED = 200


class UserError(Exception):
    """A fault in the input, not in the program.

    The message is one line that says what was received, what was expected and what to do. The
    command line prints it and leaves with status 2; code that uses the library may catch it.
    """

    def __str__(self) -> str:
        """The message; names of files in it may hold anything, so it is made to be one line."""
        return one_line(super().__str__())


def one_line(text: object) -> str:
    """``text`` as a line that can be printed: a line feed as ``\\n``, a byte of a name that is no
    UTF-8 as ``\\udcff``."""
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in _UNWRITABLE
        else letter
        for letter in str(text)
    )


def first_line(error: BaseException) -> str:
    """The first line of another library's message, without its full stop; of an empty message, the
    kind of error."""
    return _shortened(error, (str(error).strip().splitlines() or [""])[0])


def full_message(error: BaseException) -> str:
    """Another library's whole message as one line, likewise."""
    return _shortened(error, " ".join(str(error).split()))


def _shortened(error: BaseException, line: str) -> str:
    return line[:_REPEATED].rstrip(". ") or type(error).__name__


class WorkerFailure(UserError):
    """Another worker of a run on several machines is gone; nothing is wrong with the input.

    All workers go on once they are started again. The command line leaves with a status of its
    own, by which a scheduler knows that.
    """


def nearest(word: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The entries of ``known`` spelled most like ``word``, best first; may be empty."""
    by_lower = {entry.lower(): entry for entry in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=count, cutoff=0.5)
    return [by_lower[match] for match in close]


def did_you_mean(word: str, known: Iterable[str], count: int = 3) -> str:
    """`` Did you mean a or b?`` with a leading space, or an empty string when nothing is near."""
    return question(nearest(word, known, count))


def question(close: Iterable[str]) -> str:
    """`` Did you mean a or b?`` of what is near, or an empty string of nothing."""
    words = " or ".join(map(repr, close))
    return f" Did you mean {words}?" if words else ""
