"""A fuzz target of atheris for everything that reads files of strangers.

    python -m tests.robustness.fuzzing image CORPUS -max_total_time=300 -rss_limit_mb=2048

The first word names the reader, the others are libFuzzer's. A corpus to start from is made by
``python -m tests.robustness.fuzzing image --corpus CORPUS``. An exception that is not a
message for the user is a bug of the reader.

    python -m tests.robustness.fuzzing --mutate 900 --seed 0 metadata onnx

needs no atheris: it changes whole files by chance, for so many seconds, reader after reader (all
but those of TensorFlow, which take a second a file, unless readers are named), and prints a table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


@contextlib.contextmanager
def _folder(path: Path, name: str) -> Iterator[Path]:
    """A folder that holds the file ``path`` under another name."""
    folder = path.with_name("folder")
    folder.mkdir()
    try:
        shutil.copyfile(path, folder / name)
        yield folder
    finally:
        shutil.rmtree(folder)


def read_metadata(path: Path) -> None:
    """What a model says of itself."""
    from cargan_tf.export import metadata

    with _folder(path, metadata.METADATA_FILE) as folder:
        metadata.read_metadata(folder)
        metadata.file_hashes(folder)


def read_data_set(path: Path) -> None:
    """What a data set says of itself."""
    from cargan_tf.data.dataset import DATASET_FILE, load_dataset

    with _folder(path, DATASET_FILE) as folder:
        (folder / "a.tfrecord").write_bytes(bytes(100))
        load_dataset(folder)


def read_run(path: Path) -> None:
    """What a run says of itself."""
    from cargan_tf.training.run import Run

    with _folder(path, "run.json") as folder:
        Run(folder).read_info()


def read_onnx(path: Path) -> None:
    """An ONNX model, which is run."""
    from cargan_tf.export.metadata import METADATA_FILE
    from cargan_tf.export.onnx_model import MODEL_FILE, OnnxModel

    from .onnx_models import METADATA, SAMPLES

    with _folder(path, MODEL_FILE) as folder:
        (folder / METADATA_FILE).write_text(json.dumps(METADATA.to_json()))
        model = OnnxModel(folder, METADATA)
        model.generate_soft_labels(np.ones([1, SAMPLES], np.float32), np.ones([1, 2], np.float32))


def read_graph(path: Path) -> None:
    """The graph of a SavedModel."""
    from cargan_tf.export.op_allowlist import check_ops

    with _folder(path, "saved_model.pb") as folder:
        shutil.copytree(SHIPPED / "variables", folder / "variables")
        check_ops(folder)


def read_variables(path: Path) -> None:
    """The index of a SavedModel's packed weights."""
    from cargan_tf.export.op_allowlist import load_exported

    with _folder(path, "index") as folder:
        shutil.copytree(SHIPPED, folder / "1")
        shutil.copyfile(folder / "index", folder / "1" / "variables" / "variables.index")
        load_exported(folder / "1")


SHIPPED = Path(__file__).parents[2] / "saved_models" / "players-128" / "1"
#: Readers that start TensorFlow, and take a second or more for a file.
SLOW = ("graph", "variables")
#: Reader, and the ending of its files.
TARGETS: dict[str, tuple[Callable[[Path], None], str]] = {
    "sound": (read_sound, ".wav"),
    "image": (read_image, ".png"),
    "spectrogram": (read_spectrogram, ".png"),
    "video": (read_video, ".mp4"),
    "weights": (read_weights, ".pth"),
    "source": (read_source, ".csv"),
    "configuration": (read_configuration, ".yaml"),
    "metadata": (read_metadata, ".json"),
    "data set": (read_data_set, ".json"),
    "run": (read_run, ".json"),
    "onnx": (read_onnx, ".onnx"),
    "graph": (read_graph, ".pb"),
    "variables": (read_variables, ".index"),
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
        "metadata": lambda: [json.dumps(_metadata()).encode()],
        "data set": _data_set,
        "run": _run,
        "onnx": _onnx,
        "graph": lambda: [(SHIPPED / "saved_model.pb").read_bytes()],
        "variables": lambda: [(SHIPPED / "variables" / "variables.index").read_bytes()],
    }[name]()


def _metadata() -> dict[str, Any]:
    from .onnx_models import METADATA

    figures = {"test": {"fid": 20.5, "retrieval_1": 0.25}}
    known = {"recognition_accuracy": 0.9, "recognition_temperature": 1.5, "license": "MIT"}
    return METADATA.to_json() | known | {"metrics": figures, "hashes": {"model.onnx": "0" * 64}}


def _data_set() -> list[bytes]:
    shard = {"name": "a.tfrecord", "records": 2, "bytes": 100, "sha256": "0" * 64}
    values = {key: _metadata()[key] for key in ("labels", "config", "statistics")} | {
        "format_version": 2,
        "players": {"cello": ["Ann"], "flute": ["Bo"]},
        "counts": {"train": {"cello": 1, "flute": 1}},
        "recordings": {"train": {"cello": ["a"], "flute": ["b"]}},
        **{key: {"train": {"cello": 0}} for key in ("silent", "noise_like", "padded")},
        "skipped": [{"what": "a.wav", "why": "it is damaged"}],
        "shared_recordings": [],
        "shards": {"train": [shard]},
        "source": "somewhere",
        "source_kind": "manifest",
        "notes": ["a note"],
        "plan": "b",
    }
    return [json.dumps(values).encode()]


def _run() -> list[bytes]:
    values = {key: _metadata()[key] for key in ("format", "labels", "config", "statistics")}
    values |= {"data": "data", "data_hash": "a", "classifier_accuracy": 1.0, "players": {}}
    return [json.dumps(values).encode()]


def _onnx() -> list[bytes]:
    from .onnx_models import written

    with tempfile.TemporaryDirectory() as folder:
        return [(written(Path(folder) / "plain") / "model.onnx").read_bytes()]


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


#: Numbers and letters that programs trip over.
_ABSURD = (
    *(b"0", b"-1", b"1e999", b"NaN", b"1e-320", b"9" * 20, b"9" * 400, b"9" * 5_000, b"2147483648"),
    *(b"null", b"true", b"[]", b"{}", b'""', b'"\\u001b[2J"', b'"\\ud800"', b"\xff\xfe", b"\0"),
    *(b"[" * 2_000, b"../", b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x80" * 9 + b"\x01"),
)
_WORD = re.compile(rb'"[^"]*"|-?\d+(\.\d+)?|true|false|null')


def mutated(content: bytes, chance: random.Random) -> bytes:
    """``content`` after one to four changes."""
    for _ in range(chance.randint(1, 4)):
        position = chance.randint(0, len(content))
        length = min(chance.choice((1, 1, 2, 4, 8, 64, 1_000)), len(content) - position)
        before, cut, after = (
            content[:position],
            content[position : position + length],
            content[position + length :],
        )
        kind = chance.randrange(7)
        if kind == 0:
            cut = bytes(byte ^ (1 << chance.randrange(8)) for byte in cut)
        elif kind == 1:
            cut = b""
        elif kind == 2:
            cut = chance.randbytes(chance.randint(1, 8))
        elif kind == 3:
            cut *= chance.choice((2, 2, 3, 100))
        elif kind == 4:
            cut = chance.choice(_ABSURD)
        elif kind == 5:  # another place's bytes
            start = chance.randint(0, len(content))
            cut = content[start : start + length]
        else:
            words = list(_WORD.finditer(content))
            if words and len(content) < 10**6:
                word = chance.choice(words)
                new = chance.choice((*_ABSURD, chance.choice(words)[0]))
                content = content[: word.start()] + new + content[word.end() :]
            continue
        content = before + cut + after
    return content


#: Seconds of processor time that a reader may take for a small file.
LONGEST = 30


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {LONGEST} s")


def mutate(names: list[str], seconds: float, seed: int, faults: Path) -> int:
    """Try readers on changed files for ``seconds`` altogether; gives the number of faults.

    What caused one is written to ``faults``, with the traceback.
    """
    signal.signal(signal.SIGPROF, _too_long)
    found = 0
    columns = ("reader", "files", "refused", "read", "slowest", "faults")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for name in names:
        chance, originals = random.Random(f"{seed}/{name}"), corpus(name)
        tried, read, slowest, own = 0, 0, 0.0, 0
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Exception):
            attempt(name, originals[0], Path(folder))  # imports what the reader needs
        end = time.monotonic() + seconds / len(names)
        with tempfile.TemporaryDirectory() as folder:
            while time.monotonic() < end:
                content = mutated(chance.choice(originals), chance)
                began = time.process_time()
                signal.setitimer(signal.ITIMER_PROF, LONGEST)
                try:
                    read += attempt(name, content, Path(folder))
                except BaseException as error:
                    if isinstance(error, KeyboardInterrupt):
                        raise
                    own += 1
                    faults.mkdir(parents=True, exist_ok=True)
                    stem = faults / f"{name}-{tried}"
                    stem.with_suffix(".input").write_bytes(content)
                    stem.with_suffix(".txt").write_text(traceback.format_exc())
                signal.setitimer(signal.ITIMER_PROF, 0)
                tried += 1
                slowest = max(slowest, time.process_time() - began)
        print(
            f"| {name} | {tried:,} | {tried - read - own:,} | {read:,} | {slowest:.2f} s | {own} |"
        )
        sys.stdout.flush()
        found += own
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"\npeak memory {peak:,} MB, seed {seed}")
    return found


def main() -> None:
    """Write a corpus, change files by chance, or fuzz until libFuzzer is done."""
    if sys.argv[1:2] == ["--mutate"]:
        parser = argparse.ArgumentParser()
        parser.add_argument("--mutate", type=float, metavar="SECONDS")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--faults", type=Path, default=Path("faults"))
        parser.add_argument("names", nargs="*", choices=[*TARGETS, []])
        given = parser.parse_args()
        names = given.names or [name for name in TARGETS if name not in SLOW]
        sys.exit(1 if mutate(names, given.mutate, given.seed, given.faults) else 0)
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
