"""A fuzz target of atheris for everything that reads files of strangers.

    python -m tests.robustness.fuzzing image CORPUS -max_total_time=300 -rss_limit_mb=2048

The first word names the reader, the others are libFuzzer's. A corpus to start from is made by
``python -m tests.robustness.fuzzing image --corpus CORPUS``. An exception that is not a
message for the user is a bug of the reader.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cargan_tf.errors import UserError

#: Model's rate in Hz, and pixels a side, of what is read.
RATE, SIZE = 8_000, 16


def read_sound(path: Path) -> None:
    """By libsndfile, mixed and resampled."""
    from cargan_tf.audio.decode import read_audio

    read_audio(path, RATE)


def read_image(path: Path) -> None:
    """By Pillow, to a square."""
    from cargan_tf.data.images import read_photo

    read_photo(path, SIZE)


def read_spectrogram(path: Path) -> None:
    """An image in jet colors."""
    from cargan_tf.data.reference_spectrograms import read_jet_image

    read_jet_image(path)


def read_video(path: Path) -> None:
    """Header, a frame and half a second of sound, by PyAV."""
    from cargan_tf.data import video_reading

    video_reading.read_facts(path)
    video_reading.read_frame(path, 100)
    video_reading.read_sound(path, 0.1, 0.5)


def read_weights(path: Path) -> None:
    """A file of PyTorch's."""
    from cargan_tf.interop.pytorch_files import read_state_dict

    read_state_dict(path)


def read_source(path: Path) -> None:
    """A table of pairs or of videos, or a list of the authors'."""
    from cargan_tf.data.sources.detection import find_source

    find_source(path)


def read_configuration(path: Path) -> None:
    """A YAML file."""
    from cargan_tf.config import load_config

    load_config(path)


#: Reader, and the ending of its files.
TARGETS: dict[str, tuple[Callable[[Path], None], str]] = {
    "sound": (read_sound, ".wav"),
    "image": (read_image, ".png"),
    "spectrogram": (read_spectrogram, ".png"),
    "video": (read_video, ".mp4"),
    "weights": (read_weights, ".pth"),
    "source": (read_source, ".csv"),
    "configuration": (read_configuration, ".yaml"),
}


def attempt(name: str, content: bytes, folder: Path) -> bool:
    """Whether the reader ``name`` could read ``content``; any fault of it is raised."""
    read, ending = TARGETS[name]
    path = folder / f"input{ending}"
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        read(path)
        return True
    return False


def corpus(name: str) -> list[bytes]:
    """Whole files of a reader's, of each format, to start from."""
    from .valid_files import IMAGE_ENDINGS, SOUND_ENDINGS, VIDEO_ENDINGS, whole

    endings = {"sound": SOUND_ENDINGS, "image": IMAGE_ENDINGS, "video": VIDEO_ENDINGS}
    if name in endings:
        random = np.random.default_rng(0)
        return [whole(ending, random) for ending in endings[name]]
    return {
        "spectrogram": _spectrogram,
        "weights": _weights,
        "source": lambda: [
            b"label,recording,start_ms,audio,image\nviolin,a,0,input.csv,input.csv\n",
            b"video,label,start,end,split\na,violin,0,1,train\n",
            b"Accordion&-1iKLvsRBbE&good&0&10\n",
            b"a_0.png||[0 1]||a_0.jpg\n",
        ],
        "configuration": lambda: [b"name: a\nmodel:\n  kind: s2ic\naudio: {n_mels: 32}\n"],
    }[name]()


def _spectrogram() -> list[bytes]:
    import io

    import numpy as np

    from cargan_tf.data.reference_spectrograms import FRAMES, N_MELS, render_jet_image

    content = io.BytesIO()
    render_jet_image(np.random.default_rng(0).random((N_MELS, FRAMES))).save(content, "PNG")
    return [content.getvalue()]


def _weights() -> list[bytes]:
    import numpy as np

    from cargan_tf.interop.pytorch_files import write_state_dict

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        write_state_dict(path, {"a.weight": np.ones((2, 3), np.float32)})
        return [path.read_bytes()]


def main() -> None:
    """Write a corpus, or fuzz until libFuzzer is done."""
    name, *words = sys.argv[1:]
    if words[:1] == ["--corpus"]:
        folder = Path(words[1])
        folder.mkdir(parents=True, exist_ok=True)
        for position, content in enumerate(corpus(name)):
            (folder / f"{name}{position}").write_bytes(content)
        return
    import atheris

    with tempfile.TemporaryDirectory() as folder:
        position = Path(folder)
        with atheris.instrument_imports(
            include=["cargan_tf", "PIL", "soundfile", "pickle", "yaml"]
        ):
            attempt(name, b"", position)  # readers import what they need when they are called
        atheris.Setup(
            [sys.argv[0], *words], lambda content: attempt(name, content, position) and None
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
