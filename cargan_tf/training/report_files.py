"""Reports beside the weights of networks that are trained once: how good each is, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

Report = TypeVar("Report")


def read_report_file(file: Path, kind: type[Report]) -> Report:
    """The report that was written as ``dataclasses.asdict`` gives it, each value of its type.

    Args:
        file: JSON.
        kind: the report's dataclass.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or of another version.
    """
    return TypeAdapter(kind).validate_json(file.read_bytes())
