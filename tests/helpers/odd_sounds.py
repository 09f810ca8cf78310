"""Sounds that FFmpeg's own program does not write: many channels, and times that do not go on."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 48_000


def write_channels(path: Path, muxer: str, codec: str, layout: str, seconds: float = 0.5) -> Path:
    """A4, in each channel louder than in the one before, 0.5 in the last one."""
    with av.open(str(path), "w", format=muxer) as container:
        stream: Any = container.add_stream(codec, rate=RATE, layout=layout)
        count = stream.layout.nb_channels
        tone = np.sin(2 * np.pi * 440 * np.arange(round(RATE * seconds)) / RATE)
        samples = 0.5 * tone[:, None] * np.arange(1, count + 1) / count
        frame = av.AudioFrame.from_ndarray(
            np.round(32_767 * samples).astype(np.int16).reshape(1, -1), "s16", layout
        )
        frame.sample_rate, frame.pts = RATE, 0
        mux_all(container, stream, frame)
    return path


def mux_all(container: Any, stream: Any, frame: av.AudioFrame) -> None:
    """Encode one frame of any length as all of a stream."""
    size = stream.codec_context.frame_size or None
    resampler = av.AudioResampler(stream.codec_context.format.name, frame_size=size)
    for part in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def write_without_times(path: Path, packets: int, layout: str = "5.1") -> Path:
    """Silence, 1.4 seconds in each packet of 30 bytes, all at the same time: Matroska, FLAC."""
    samples = 65_535
    with av.open(str(path), "w", format="matroska") as container:
        stream: Any = container.add_stream("flac", rate=RATE, layout=layout)
        stream.codec_context.options = {"frame_size": str(samples)}
        frame = av.AudioFrame(format="s16", layout=layout, samples=samples)
        frame.sample_rate, frame.pts = RATE, 0
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        content = bytes([*stream.encode(frame), *stream.encode(None)][0])
        for _ in range(packets):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, RATE)
            packet.pts = packet.dts = packet.duration = 0
            container.mux(packet)
    return path
