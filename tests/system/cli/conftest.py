"""Fixtures of this folder, from ``helpers``."""

from helpers.cli import (  # noqa: F401
    cargan,
    cargan_process,
    data,
    generate,
    nothing_shipped,
    run,
    start_cargan,
    tiny_yaml,
    tree,
    write_sound,
)
from helpers.logs import logging_as_before  # noqa: F401
from helpers.page import free_port  # noqa: F401
