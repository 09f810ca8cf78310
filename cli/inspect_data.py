"""`cargan inspect`: what is in a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from cargan_cli.options import ANY_PATH, PATH

if TYPE_CHECKING:
    from cargan_tf.data.inspection import Inspection

#: Clips of a class that are named unless all are asked for.
SHOWN = 10


@click.command("inspect", short_help="Count a data set, show examples, find silence and noise.")
@click.argument("data", type=ANY_PATH, default=Path("data"))
@click.option(
    "-o", "--out", type=PATH, help="The contact sheet.  [default: DATA/contact_sheet.png]"
)
@click.option("--all", "everything", is_flag=True, help="Name all silent and noise-like clips.")
def command(data: Path, out: Path | None, everything: bool) -> None:
    """Count the clips of DATA, show examples of each class, and list silent and noise-like clips.

    DATA is a data set made by `cargan preprocess`, ./data by default. `cargan preprocess
    --drop-silent` makes one without the silent clips.
    """
    import numpy as np
    from cargan_cli.logs import TerminalReporter
    from cargan_cli.tensorflow_import import import_for, import_tensorflow

    from cargan_tf.data.dataset import load_dataset
    from cargan_tf.data.inspection import contact_sheet_image, imbalance_warning, inspect_dataset
    from cargan_tf.inference.image_io import save_image

    import_for(data)
    load_dataset(data)  # what is plainly wrong is said before TensorFlow loads
    import_tensorflow()
    inspection = inspect_dataset(data, TerminalReporter())
    for line in [*_counts(inspection), *_flagged(inspection, everything)]:
        click.echo(line)
    warning = imbalance_warning(inspection.info)
    if warning is not None:
        click.echo(warning, err=True)
    sheet = data / "contact_sheet.png" if out is None else out
    save_image(np.asarray(contact_sheet_image(inspection.examples)), sheet)
    click.echo(f"Examples: {sheet}")


def _counts(inspection: Inspection) -> list[str]:
    """A table of pairs by class and split."""
    counts = inspection.info.counts
    labels = inspection.info.labels
    rows = [["", *counts]]
    rows += [[label, *(str(counts[split].get(label, 0)) for split in counts)] for label in labels]
    rows.append(["all", *(str(sum(counts[split].values())) for split in counts)])
    first = max(len(row[0]) for row in rows)
    return ["  ".join([row[0].ljust(first), *(cell.rjust(10) for cell in row[1:])]) for row in rows]


def _flagged(inspection: Inspection, everything: bool) -> list[str]:
    lines = []
    for kind, found in (("Silent", inspection.silent), ("Noise-like", inspection.noise_like)):
        lines.append(f"{kind}: {sum(map(len, found.values()))}")
        for label, names in found.items():
            shown = names if everything else names[:SHOWN]
            lines.append(f"  {label}: {len(names)}")
            lines += [f"    {name}" for name in shown]
            if len(shown) < len(names):
                lines.append(f"    and {len(names) - len(shown)} more, named with --all")
    if inspection.unmeasured:
        lines.append(
            f"Not measured: {inspection.unmeasured}; spectrogram images do not show silence or"
            " noise."
        )
    if inspection.info.mended:
        lines.append(f"Sounds repaired at preprocessing: {len(inspection.info.mended)}")
        shown = inspection.info.mended[: None if everything else SHOWN]
        lines += [f"    {item.what}: {item.why}" for item in shown]
    dropped = sum(sum(counts.values()) for counts in inspection.info.dropped_silent.values())
    if dropped:
        lines.append(f"Silent clips skipped at preprocessing: {dropped}")
    return lines
