"""Files of sound, video and tables, changed by chance, through what decodes them.

    python -m tests.robustness.fuzz_decoders --seconds 120 --seed 29

It needs no atheris. Each decoder gets changed files for so many seconds: bits flipped, pieces cut
out, doubled or taken from another format, numbers set to extremes. A fault is an exception that is
no message for the user, an input that takes longer than ``HANG_SECONDS``, more memory than
``MAX_GIB``, or anything that a decoder writes to standard error.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from benchmarks.measuring import parse_and_report

from .fuzzing import RATE, attempt, corpus

SECONDS, SEED = 120.0, 29
HANG_SECONDS = 30
MAX_GIB = 2.0
#: ``serving_wav`` of an exported model, in TensorFlow's graph.
IN_GRAPH = "wav in graph"
NAMES = ["sound", "video", "source", IN_GRAPH]
#: Numbers that headers should not hold.
_EXTREMES = (
    b"\x00" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
)


def decoder(name: str, folder: Path) -> Callable[[bytes], bool]:
    """Whether a file could be read, by the decoder of that name."""
    if name != IN_GRAPH:
        return lambda content: attempt(name, content, folder)
    import tensorflow as tf

    from cargan_tf.audio.wav_graph import clips_of_wavs
    from cargan_tf.config import AudioConfig

    audio = AudioConfig(sample_rate=RATE, n_fft=256)
    read = tf.function(lambda contents: clips_of_wavs(contents, audio)).get_concrete_function(
        tf.TensorSpec([None], tf.string)
    )

    def attempt_in_graph(content: bytes) -> bool:
        try:
            read(tf.constant([content]))
        except tf.errors.InvalidArgumentError:  # the graph's way to refuse
            return False
        return True

    return attempt_in_graph


def whole_files(name: str) -> list[bytes]:
    """To begin with; the graph reads WAV, and must refuse the others by what they are."""
    return corpus("sound" if name == IN_GRAPH else name)


def changed(files: list[bytes], chance: random.Random) -> bytes:
    """One of the files, changed in one to four ways, mostly near its start."""
    content = bytearray(chance.choice(files))
    for _ in range(chance.randint(1, 4)):
        size = max(1, len(content))
        position = int(size * chance.random() ** chance.choice((1, 4)))
        length = 1 + int(min(size, 4_096) * chance.random() ** 3)
        way = chance.randrange(7)
        if way == 0:
            for _ in range(chance.randint(1, 16)):
                content[position : position + 1] = bytes([chance.randrange(256)])
        elif way == 1:
            content[position : position + 4] = chance.choice(_EXTREMES)
        elif way == 2:
            del content[position : position + length]
        elif way == 3:
            content[position:position] = content[position : position + length]
        elif way == 4:
            del content[position:]
        elif way == 5:
            content[position:position] = chance.randbytes(length)
        else:
            other = chance.choice(files)
            content[position : position + length] = other[:length]
    return bytes(content)


def fuzz(name: str, seconds: float, seed: int, folder: Path) -> dict[str, Any]:
    """Counts of one decoder.

    Raises:
        AssertionError: there was a fault; the file is kept and named.
    """
    read, files, chance = decoder(name, folder), whole_files(name), random.Random(f"{seed} {name}")
    for content in files[:1]:
        read(content)  # what is imported on the way may speak
    counts = {"inputs": 0, "read": 0, "refused": 0}
    with tempfile.TemporaryFile() as said:
        standard_error = os.dup(2)
        os.dup2(said.fileno(), 2)
        fault = ""
        content = b""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end and not fault:
                content = changed(files, chance)
                counts["inputs"] += 1
                signal.alarm(HANG_SECONDS)
                try:
                    counts["read" if read(content) else "refused"] += 1
                except Exception:
                    fault = traceback.format_exc()
                signal.alarm(0)
                if words := _written(said):
                    fault = f"standard error: {words!r}"
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
    if fault:
        kept = Path(tempfile.gettempdir()) / f"fault-{name.replace(' ', '-')}"
        kept.write_bytes(content)
        raise AssertionError(f"{name}, input {counts['inputs']}, kept as {kept}: {fault}")
    return counts


def _written(file: IO[bytes]) -> bytes:
    """What was written to the file, which is then empty; without TensorFlow's note of a refusal in
    the graph, which it writes unless it was imported with TF_CPP_MIN_LOG_LEVEL set."""
    file.seek(0)
    lines = file.read(2_000).splitlines(keepends=True)
    file.seek(0)
    file.truncate()
    refusal = False
    others = []
    for line in lines:
        refusal = b"local_rendezvous.cc" in line or (refusal and line.startswith(b"\t"))
        if not refusal:
            others.append(line)
    return b"".join(others)


def measure(seconds: float, seed: int, names: list[str], tiny: bool) -> dict[str, Any]:
    """Fuzz the decoders named, one after the other.

    Args:
        seconds: for each.
        seed: of all changes.
        names: of decoders.
        tiny: two seconds each.
    """

    def hang(*_: Any) -> None:
        raise TimeoutError(f"longer than {HANG_SECONDS} s")

    signal.signal(signal.SIGALRM, hang)
    with tempfile.TemporaryDirectory() as folder:
        counts = {name: fuzz(name, 2.0 if tiny else seconds, seed, Path(folder)) for name in names}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert peak < MAX_GIB, f"{peak:.2f} GiB were taken"
    return {"seed": seed, "decoders": counts, "peak_gib": round(peak, 2)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each decoder")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("names", nargs="*", default=NAMES, help="of decoders  [default: all]")
    parse_and_report(parser, measure)
