"""`cargan generate --video`: one recording to one video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cargan_cli.reporting import TerminalReporter
from cargan_cli.results import Results
from cargan_cli.sounds import source
from cargan_cli.tensorflow_import import import_for

from cargan_tf.errors import UserError
from cargan_tf.pictures import plan_pictures

if TYPE_CHECKING:
    from cargan_tf.inference import Generator, Label


def draw_one_video(
    sounds: Sequence[Path],
    file: Path,
    label: Label,
    open_generator: Callable[[], Generator],
    frames_per_second: int | None,
    smooth_seconds: float | None,
    results: Results,
) -> None:
    """Draw all of a recording; the defaults are the library's."""
    from cargan_tf.video.files import check_video_name

    for sound in sounds:
        import_for(sound)
    files = list(plan_pictures(sounds, None))  # a folder stands for the sounds in it
    if len(files) != 1:
        raise UserError(f"{len(files)} sounds cannot become the one video {file}; name one.")
    check_video_name(file)
    generator = open_generator()
    from cargan_tf.video.drawing import FRAMES_PER_SECOND, draw_video

    (sound,) = files
    made = draw_video(
        generator,
        source(sound),
        file,
        label,
        frames_per_second or FRAMES_PER_SECOND,
        smooth_seconds or 0.0,
        TerminalReporter(),
    )
    results.drawn(sound, file, made, start=0.0, frames=made.frames, seconds=made.seconds)
