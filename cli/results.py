"""What commands that draw say of each sound: lines for people, or JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cargan_tf.errors import UserError, one_line
from cargan_tf.pictures import STANDARD

if TYPE_CHECKING:
    from cargan_tf.drawn import Drawn
    from cargan_tf.video.drawing import DrawnVideo


#: After the point: 0.3 is no float32, and would be told as 0.30000001192092896.
DIGITS = 6


class Results:
    """Paths go to standard output, what else there is to know to standard error."""

    def __init__(self, as_json: bool) -> None:
        """``as_json``: everything goes to standard output, one object a line."""
        self._as_json = as_json
        self.failures = 0

    def drawn(self, sound: Path, output: Path, made: Drawn | DrawnVideo, **facts: Any) -> None:
        """``output`` was drawn from ``sound``; ``facts`` are for programs alone."""
        warnings = made.warnings()
        if self._as_json:
            self._write(
                {
                    "path": str(sound),
                    "label": max(made.label_weights, key=made.label_weights.__getitem__),
                    "label_weights": {
                        label: round(share, DIGITS) for label, share in made.label_weights.items()
                    },
                    "confidence": made.confidence,
                    **facts,
                    "warnings": warnings,
                    "output": str(output),
                }
            )
            return
        if made.confidence is not None:
            heard = " and ".join(label.replace("_", " ") for label in made.label_weights)
            click.echo(f"{one_line(sound)}: sounds like {heard} ({made.confidence:.0%})", err=True)
        for warning in warnings:
            click.echo(f"{one_line(sound)}: {warning}", err=True)
        if output != STANDARD:
            click.echo(os.fsencode(output))  # a name is bytes, and may be no text

    def failed(self, sound: Path, error: UserError) -> None:
        """``sound`` could not be drawn."""
        self.failures += 1
        if self._as_json:
            self._write({"path": str(sound), "error": str(error)})
        click.echo(f"Error: {error}", err=True)

    def _write(self, values: Mapping[str, Any]) -> None:
        line = json.dumps(values, ensure_ascii=False, allow_nan=False)
        if not line.isprintable():  # a name may be no text: \udcff stands for a byte of it
            line = json.dumps(values, allow_nan=False)
        click.echo(line)
