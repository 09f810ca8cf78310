"""What the docs site does beyond MkDocs: links that leave docs/ become names of files.

On a code host such a link opens the file; the site does not hold it.
"""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[(?P<text>[^\]]+)\]\(\.\./(?P<path>[^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by MkDocs with each page."""
    return _OUTSIDE.sub(_named, markdown)


def _named(link: re.Match[str]) -> str:
    text, path = link["text"], link["path"].rstrip("/")
    return f"`{path}`" if path.endswith(text.strip("`")) else f"{text} (`{path}`)"
