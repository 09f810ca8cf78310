"""Pairs as Sub-URMP has them, made up: half a second of 44.1 kHz stereo wav, a 1920×1080 JPEG.

How large the JPEGs of Sub-URMP are is not known here, and the decoder's time goes by it. So there
are two kinds: with a camera's grain as it is, some 350 KB; and such frames as an H.264 video gives
them back, which has most of the grain smoothed out, some 110 KB. URMP is published as H.264.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from cargan_tf.synthetic.figure import Pose, player_looks
from cargan_tf.synthetic.scene import background, draw_player

LABEL = "violin"
RATE, SECONDS = 44_100, 0.5
FRAME = (1920, 1080)
KINDS = ("grain", "video")
#: Camera noise, standard deviation in levels of 255.
GRAIN = 3.0
#: x264's own default.
VIDEO_CRF = 23
JPEG_QUALITY = 90
#: Pairs that are really made; the others are the same files under other names.
MADE = 32


def write_tree(
    root: Path, clips: int, labels: Sequence[str] = (LABEL,), kind: str = KINDS[0]
) -> Path:
    """``clips`` training pairs in the folder ``root``/Sub-URMP, which is given back.

    They are dealt out to ``labels``; all show the same instrument. ``kind`` is one of ``KINDS``.
    """
    tree = root / "Sub-URMP"
    random = np.random.default_rng(0)
    made: list[tuple[Path, Path]] = []
    frames = [frame(random) for _ in range(min(clips, MADE))]
    if kind == "video":
        frames = through_video(frames)
    for clip in range(clips):
        label = labels[clip % len(labels)]
        name = f"{label}/{label}00_{500 * clip}"
        audio = tree / "chunk" / "train" / f"{name}.wav"
        image = tree / "img" / "train" / f"{name}.jpg"
        for file in (audio, image):
            file.parent.mkdir(parents=True, exist_ok=True)
        if clip < MADE:
            soundfile.write(audio, sound(random), RATE)
            frames[clip].save(image, quality=JPEG_QUALITY)
            made.append((audio, image))
        else:
            for file, original in zip((audio, image), made[clip % MADE], strict=True):
                os.link(original, file)
    return tree


def sound(random: np.random.Generator) -> NDArray[np.float64]:
    """A note with overtones and some noise, [samples, 2]."""
    times = np.arange(round(SECONDS * RATE)) / RATE
    pitch = random.uniform(200, 900)
    note = sum(np.sin(2 * np.pi * pitch * k * times) / k**1.5 for k in range(1, 16))
    return 0.2 * note[:, None] + random.normal(0, 0.002, (len(times), 2))


def frame(random: np.random.Generator) -> Image.Image:
    """A player of the sample data in some pose, stretched, with a camera's grain."""
    looks = player_looks(LABEL, seed=0)
    look = looks[int(random.integers(len(looks)))]
    pose = Pose(float(random.uniform()), float(random.uniform()))
    image = draw_player(LABEL, look, pose, background(look)).resize(FRAME, Image.Resampling.BICUBIC)
    grainy = np.asarray(image) + random.normal(0, GRAIN, (FRAME[1], FRAME[0], 1))
    return Image.fromarray(np.clip(np.round(grainy), 0, 255).astype(np.uint8))


def through_video(frames: list[Image.Image]) -> list[Image.Image]:
    """What an H.264 video of the frames shows."""
    import av  # of the `video` extra

    content = io.BytesIO()
    with av.open(content, "w", "mp4") as written:
        stream = written.add_stream("libx264", rate=30, options={"crf": str(VIDEO_CRF)})
        stream.width, stream.height = FRAME
        stream.pix_fmt = "yuv420p"
        for image in (*frames, None):
            shown = None if image is None else av.VideoFrame.from_image(image)
            written.mux(stream.encode(shown))
    content.seek(0)
    with av.open(content) as read:
        return [shown.to_image() for shown in read.decode(video=0)]
