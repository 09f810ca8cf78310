"""Small sounds, images and videos that are as they should be, each with something by chance."""

from __future__ import annotations

import io
from functools import cache
from typing import Any, Final

import numpy as np
import soundfile
from numpy.random import Generator
from PIL import Image

SOUND_ENDINGS, IMAGE_ENDINGS, VIDEO_ENDINGS = (
    ("wav", "flac", "ogg", "mp3", "m4a", "webm", "wma", "aac", "mka"),
    ("png", "jpg", "webp", "tiff"),
    ("mp4", "mkv"),
)
#: Sounds that libsndfile does not read: FFmpeg's container and codec.
CODED: Final = {
    "m4a": ("ipod", "aac"),
    "webm": ("webm", "libopus"),
    "wma": ("asf", "wmav2"),
    "aac": ("adts", "aac"),
    "mka": ("matroska", "aac"),
}
#: Hz, and seconds of a sound.
RATE, SECONDS = 22_050, 0.7
#: Hz, which Opus has.
CODED_RATE: Final = 48_000


def whole(ending: str, random: Generator) -> bytes:
    """A file of that ending."""
    if ending in VIDEO_ENDINGS:
        return video(ending)
    if ending in CODED:
        return coded_sound(ending, random)
    if ending in SOUND_ENDINGS:
        return sound({"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3"}[ending], random)
    return image({"jpg": "JPEG"}.get(ending, ending.upper()), random)


def sound(
    form: str,
    random: Generator,
    rate: int = RATE,
    channels: int = 1,
    subtype: str | None = None,
) -> bytes:
    """A tone in some noise."""
    times = np.arange(round(SECONDS * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * random.uniform(200, 900) * times)
    samples = tone[:, None] + random.normal(0, 0.01, (len(times), channels))
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=form, subtype=subtype)
    return content.getvalue()


def coded_sound(ending: str, random: Generator) -> bytes:
    """A tone in some noise, at 48 kHz."""
    import av

    container_format, codec = CODED[ending]
    times = np.arange(round(SECONDS * CODED_RATE)) / CODED_RATE
    samples = 0.3 * np.sin(2 * np.pi * random.uniform(200, 900) * times)
    samples += random.normal(0, 0.01, len(times))
    content = io.BytesIO()
    with av.open(content, "w", format=container_format) as container:
        track: Any = container.add_stream(codec, rate=CODED_RATE, layout="mono", bit_rate=96_000)
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate = CODED_RATE
        resampler = av.AudioResampler(track.codec_context.format, "mono", CODED_RATE)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(track.encode(part))
        container.mux(track.encode(None))
    return content.getvalue()


def pixels(random: Generator) -> Image.Image:
    """64×48 of some color, with grain."""
    shade = random.integers(0, 200, 3)
    noise = random.integers(0, 50, (48, 64, 3))
    return Image.fromarray((noise + shade).astype(np.uint8))


def image(form: str, random: Generator, mode: str = "RGB", **options: Any) -> bytes:
    """Those pixels as a file; ``options`` are Pillow's."""
    content = io.BytesIO()
    pixels(random).convert(mode).save(content, form, **options)
    return content.getvalue()


@cache
def video(ending: str) -> bytes:
    """Two seconds of gray that becomes brighter, with a tone."""
    import av

    content = io.BytesIO()
    with av.open(content, "w", format={"mkv": "matroska"}.get(ending, ending)) as container:
        video: Any = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound: Any = container.add_stream("aac", rate=16_000, layout="mono")
        for index in range(20):
            image = np.full((48, 64, 3), 40 + 10 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)
        for start in range(0, len(tone), 1024):
            part = tone[None, start : start + 1024].astype(np.float32)
            heard = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            heard.sample_rate, heard.pts = 16_000, start
            container.mux(sound.encode(heard))
        container.mux(sound.encode(None))
    return content.getvalue()
