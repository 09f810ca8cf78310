"""`cargan sample-data`: the open stand-in for Sub-URMP, and pairs from sounds of one's own."""

from __future__ import annotations

from pathlib import Path

import click
from cargan_cli.options import PATH, check_options, soundfont_option


class _Recordings(click.Path):
    """A folder or CSV. In version 0.1 the option took the number of recordings."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        if isinstance(value, str) and value.isdecimal() and not Path(value).exists():
            self.fail(f"the number of recordings is now --count {value}; expected a folder or CSV.")
        return Path(str(value))


@click.command("sample-data", short_help="Write open sample data: 13 instruments.")
@click.argument("out", type=PATH)
@click.option("--count", default=36, show_default=True, help="Recordings per instrument.")
@click.option("--clips", default=15, show_default=True, help="Half-second clips per recording.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same bytes.")
@soundfont_option
@click.option("--synthesizer", is_flag=True, help="Use the synthesizer too, beside the SoundFonts.")
@click.option(
    "--recordings",
    type=_Recordings(),
    metavar="DIR|CSV",
    help="Real recordings to add: a folder per label, or a CSV with the columns label and audio.",
)
@click.option("--workers", type=int, help="Worker processes.  [default: one per core]")
def command(
    out: Path,
    count: int,
    clips: int,
    seed: int,
    soundfonts: tuple[Path, ...],
    synthesizer: bool,
    recordings: Path | None,
    workers: int | None,
) -> None:
    """Write open sample data to OUT: 13 instruments, six players each, sound and image.

    With --recordings the player is drawn to the pitch and loudness of each real clip. The pitch is
    taken from the CSV's column pitch, else from the file's name (flute_A5.wav), else measured. A
    folder named none holds sounds of none of the instruments. --count 0 uses real sounds alone.
    """
    check_options(click.get_current_context(), together=["synthesizer soundfonts"])
    from cargan_cli.logs import TerminalReporter
    from cargan_cli.next_steps import command_line

    from cargan_tf.synthetic.build import make_sample_data

    manifest = make_sample_data(
        out,
        count=count,
        clips_per_recording=clips,
        seed=seed,
        soundfonts=soundfonts,
        real=recordings,
        synthesizer=synthesizer,
        workers=workers,
        reporter=TerminalReporter(),
    )
    following = command_line("preprocess", out, "data", "--config", "quickstart")
    click.echo(f"Sample data: {manifest}\nNext: {following}")
