"""What TensorFlow says of a refusal, without what it adds about its own insides."""

from __future__ import annotations

import re

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


def plain_message(text: str) -> str:
    """One line: what was refused and why."""
    found = _ASSERTION.search(text)
    if found:
        return found[1].replace("\\'", "'").replace('\\"', '"')
    return " ".join(_PLACE.sub("", _DECORATION.sub(" ", text)).split())
