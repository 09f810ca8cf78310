"""Frames and sound into a video file, by PyAV; nothing but the frame at hand is held in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import soundfile
from PIL import Image

from cargan_tf.audio.decode import sound_opener
from cargan_tf.errors import UserError, install_hint
from cargan_tf.utils.arrays import ImageArray
from cargan_tf.utils.files import hidden_prefix

if TYPE_CHECKING:
    from av import AudioFrame, VideoFrame
    from av.container import OutputContainer
    from av.filter import Graph

#: Endings of what can be written.
ENDINGS = (".mp4", ".gif")
#: Frames are enlarged by a whole number until they are this wide: codecs blur smaller ones, and
#: players show them as stamps.
MINIMUM_WIDTH = 256
#: x264's scale of quality, 0 to 51; 18 is held to look like the original.
QUALITY = "18"
#: Sample rate of the sound, in Hz, where AAC does not know the recording's own.
COMMON_RATE = 48_000
#: Seconds of sound decoded at a time.
BLOCK_SECONDS = 1.0


def check_video_name(file: Path) -> None:
    """Check that ``file`` can be written as a video here.

    Raises:
        UserError: another ending, or PyAV is not installed.
    """
    if file.suffix.lower() not in ENDINGS:
        raise UserError(f"{file}: a video's name must end in {' or '.join(ENDINGS)}.")
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise UserError(f"{file} needs PyAV to be written: {install_hint('video')}.") from error


def write_video(
    file: Path, frames: Iterable[ImageArray], frames_per_second: int, sound: Path | BinaryIO
) -> None:
    """Write an mp4 with its sound, or a GIF, which has none; whole or not at all.

    Args:
        file: ending in .mp4 (H.264 and AAC) or .gif.
        frames: [H, W, 3] each, all of one size, at least one; taken one by one.
        frames_per_second: whole.
        sound: the recording, which ``read_audio`` reads; it keeps its rate and its one or two
            channels, more become one.

    Raises:
        UserError: the file cannot be written.
    """
    import av

    with _renamed_when_done(file) as temporary:
        try:
            if file.suffix.lower() == ".gif":
                with av.open(str(temporary), "w", format="gif", options={"loop": "0"}) as container:
                    _write_gif(container, frames, frames_per_second)
                return
            # faststart: a browser plays it before it has all of it.
            options = {"movflags": "+faststart"}
            with (
                av.open(str(temporary), "w", format="mp4", options=options) as container,
                soundfile.SoundFile(sound_opener(sound)) as recording,
            ):
                _write_mp4(container, frames, frames_per_second, recording)
        except av.FFmpegError as error:
            raise UserError(f"{file} cannot be written: {error.strerror}.") from error


def _write_mp4(
    container: OutputContainer,
    frames: Iterable[ImageArray],
    frames_per_second: int,
    recording: soundfile.SoundFile,
) -> None:
    """Image and sound in turns, as a player reads them."""
    video: Any = container.add_stream("libx264", rate=frames_per_second, options={"crf": QUALITY})
    video.pix_fmt = "yuv420p"
    audio: Any = container.add_stream("aac", rate=_aac_rate(recording.samplerate))
    audio.layout = _layout(recording)
    blocks = _blocks(recording)
    measured = 0.0  # seconds of sound in the file so far
    for index, image in enumerate(frames):
        frame = _frame(image, index, frames_per_second)
        if not index:
            video.width, video.height = frame.width, frame.height
        container.mux(video.encode(frame))
        while measured < (index + 1) / frames_per_second and (block := next(blocks, None)):
            container.mux(audio.encode(block))
            measured += block.samples / block.sample_rate
    for block in blocks:
        container.mux(audio.encode(block))
    container.mux(video.encode(None))
    container.mux(audio.encode(None))


def _write_gif(
    container: OutputContainer, frames: Iterable[ImageArray], frames_per_second: int
) -> None:
    stream: Any = container.add_stream("gif", rate=frames_per_second)
    stream.pix_fmt = "pal8"
    graph: Graph | None = None
    for index, image in enumerate(frames):
        frame = _frame(image, index, frames_per_second)
        if graph is None:
            stream.width, stream.height = frame.width, frame.height
            graph = _palettes(frame)
        graph.push(frame)
        _pass_on(graph, stream, container)
    if graph is not None:
        graph.push(None)
        _pass_on(graph, stream, container)
    container.mux(stream.encode(None))


def _palettes(like: VideoFrame) -> Graph:
    """Gives each frame 256 colors of its own, so that no pass over all frames is needed."""
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(
        width=like.width, height=like.height, format=like.format, time_base=like.time_base
    )
    split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=single")
    use, sink = graph.add("paletteuse", "new=1:dither=none"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def _pass_on(graph: Graph, stream: Any, container: OutputContainer) -> None:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):  # how FFmpeg says that it wants more, or is done
            return
        container.mux(stream.encode(frame))


def _frame(pixels: ImageArray, index: int, frames_per_second: int) -> VideoFrame:
    from av import VideoFrame

    height, width = pixels.shape[:2]
    factor = -(-MINIMUM_WIDTH // width)
    image = Image.fromarray(pixels)
    if factor > 1:
        image = image.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    frame = VideoFrame.from_image(image)
    frame.pts, frame.time_base = index, Fraction(1, frames_per_second)
    return frame


def _blocks(recording: soundfile.SoundFile) -> Iterator[AudioFrame]:
    from av import AudioFrame

    rate, layout, position = recording.samplerate, _layout(recording), 0
    size = max(1, round(BLOCK_SECONDS * rate))
    while len(block := recording.read(size, dtype="float32", always_2d=True)):
        if block.shape[1] > 2:
            block = block.mean(axis=1, keepdims=True)
        packed = np.ascontiguousarray(block).reshape(1, -1)  # channels in turns
        frame = AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
        position += len(block)
        yield frame


def _layout(recording: soundfile.SoundFile) -> str:
    return "stereo" if recording.channels == 2 else "mono"


def _aac_rate(rate: int) -> int:
    from av import Codec

    return rate if rate in (Codec("aac", "w").audio_rates or ()) else COMMON_RATE


@contextmanager
def _renamed_when_done(file: Path) -> Iterator[Path]:
    """A file beside ``file`` that replaces it in the end, or is removed."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=hidden_prefix(file))
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes it private; results are for everyone to read
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
