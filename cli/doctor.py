"""`cargan doctor`: whether everything is in place, as one would ask in a support thread."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cargan_tf.doctor import Finding

#: How a state is written for people.
STATES = {"ok": "OK", "missing": "missing", "failed": "FAILED"}


@click.command("doctor", short_help="Check the installation.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check versions, devices, disk and models, and draw a synthesised sound.

    A line says OK, missing (it can be done without) or FAILED, and what to do. The status is 1 if
    something failed.
    """
    from cargan_cli.tensorflow_import import import_tensorflow

    from cargan_tf.doctor import examine_installation, examine_machine

    installed = _told(examine_installation(), as_json)
    with contextlib.suppress(Exception):  # the examination says what is wrong with it
        import_tensorflow()
    works = _told(examine_machine(), as_json)
    if not (installed and works):
        context.exit(1)


def _told(findings: Iterator[Finding], as_json: bool) -> bool:
    """Print each as it is found; whether none failed."""
    fine = True
    for finding in findings:
        fine &= finding.state != "failed"
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(finding), ensure_ascii=False))
            continue
        remedy = f"\n{'':9}{finding.remedy}" if finding.remedy else ""
        click.echo(f"{STATES[finding.state]:8} {finding.subject}: {finding.detail}{remedy}")
    return fine
