"""CPU time of other processes, which does not grow when a machine is shared (Linux)."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from pathlib import Path


def seconds_of_children() -> float:
    """CPU time of all processes that this one started and that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds_of_session(session: int) -> float:
    """CPU time so far of a session's processes, and of those they have seen end (Linux)."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            # proc(5): session is the 6th field, utime to cstime the 14th to 17th; the 2nd may
            # hold blanks.
            fields = file.read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
