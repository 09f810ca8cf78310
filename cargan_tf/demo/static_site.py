"""Writes a page that needs no server: the built site of ``web/`` with models and sample sounds."""

from __future__ import annotations

import hashlib
import io
import json
import math
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from cargan_tf import __version__
from cargan_tf.audio.log_mel import mel_filter_bank, sound_classifier_audio
from cargan_tf.config import AudioConfig
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import ModelMetadata, read_metadata
from cargan_tf.export.onnx_model import MODEL_FILE, RECOGNITION_FILE, OnnxModel
from cargan_tf.utils.arrays import FloatArray, height_width

#: Where `make web` builds it, from web/. It is not in the repository; wheels hold it.
SITE: Final = Path(__file__).with_name("site")
#: Tells the page which models and sounds lie beside it.
MODELS_FILE: Final = "models.json"
MODELS_FOLDER, SAMPLES_FOLDER = "models", "samples"
#: Of ``MODELS_FILE``; the page refuses others.
FORMAT: Final = 1
#: A recording that no data set made with defaults holds, as on the page of `cargan demo`.
_RECORDING, _NOTES, _SEED = 100, 4, 0
#: Digits that tell two float32 apart.
_DIGITS: Final = 9


def write_site(versions: Sequence[Path], out: Path) -> None:
    """Write the page with models, as any web host can serve it.

    Args:
        versions: folders of exported versions; the page shows the first, the others are a choice.
        out: the folder to write: a new or empty one, or one that was written so before, which is
            replaced as a whole when the new one is complete; until then, and if anything fails, it
            stays as it is.

    Raises:
        UserError: the page is not built, ``out`` holds something else or cannot be written, or a
            model cannot be used.
    """
    if not (SITE / "index.html").is_file():
        raise UserError(
            "the page is not built yet: run 'make web' in the checkout, which needs Node.js."
        )
    _check_replaceable(out)
    out = out.resolve()  # a link stays one
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        new = Path(folder) / "site"
        shutil.copytree(SITE, new)
        models = [_write_model(version, new) for version in versions]
        labels = sorted({label for model in models for label in model["labels"]})
        samples = _write_samples(labels, new)
        described = {
            "format": FORMAT,
            "cargan": __version__,
            "models": models,
            "samples": samples,
        }
        text = json.dumps(described, allow_nan=False, separators=(",", ":"))
        (new / MODELS_FILE).write_text(text + "\n", "utf-8")
        _check_replaceable(out)  # what became of it meanwhile
        _replace(out, new)


def _check_replaceable(out: Path) -> None:
    if out.is_dir() and (not any(out.iterdir()) or (out / MODELS_FILE).is_file()):
        return
    if out.exists() or out.is_symlink():
        raise UserError(
            f"{out} is no folder of 'cargan web' and is left as it is: name a new folder."
        )


def _replace(out: Path, new: Path) -> None:
    """Put the folder ``new`` where ``out`` is, if it is; ``out`` is removed only after that.

    Folders are not exchanged at once on every system: the old one is moved aside, and back if the
    new one cannot take its place.
    """
    aside = out.with_name(f".{out.name}.{secrets.token_hex(4)}.old")
    try:
        with suppress(FileNotFoundError):
            out.rename(aside)
        new.rename(out)
    except BaseException as error:
        if aside.exists():
            try:
                aside.rename(out)
            except OSError as failure:  # another process wrote one meanwhile
                raise UserError(
                    f"{out} cannot be replaced ({failure.strerror}); what was there is now {aside}."
                ) from error
        if isinstance(error, OSError):
            raise UserError(
                f"{out} cannot be replaced ({error.strerror}) and is left as it was: name a new"
                " folder."
            ) from error
        raise
    # Not all of it may be ours to remove; the page is written all the same.
    shutil.rmtree(aside, ignore_errors=True)


def _write_model(version: Path, out: Path) -> dict[str, Any]:
    """Write the files of a model into the site; gives what the page needs to know of it."""
    metadata = read_metadata(version)
    if not (version / MODEL_FILE).is_file():
        raise UserError(
            f"{version} has no {MODEL_FILE}, which the page needs: export it with 'cargan export'."
        )
    model = OnnxModel(version, metadata)  # says what is wrong with a file
    name = version.resolve().parent.name
    folder = f"{MODELS_FOLDER}/{name}"
    if (out / folder).exists():
        raise UserError(f"received two models called {name}: name each once.")
    audio = metadata.config.audio
    description = _description(name, metadata)
    content = _without_log_mel(version / MODEL_FILE, audio)
    description["model"] = _write(out, f"{folder}/{MODEL_FILE}", content)
    if metadata.recognition_accuracy is not None:
        model.recognize(np.zeros([1, audio.clip_samples], np.float32))  # likewise
        audio = sound_classifier_audio(metadata.config)
        content = _without_log_mel(version / RECOGNITION_FILE, audio)
        described = _write(out, f"{folder}/{RECOGNITION_FILE}", content)
        description["sound_classifier"] = described | {"log_mel": _log_mel(audio)}
    return description


def _without_log_mel(file: Path, audio: AudioConfig) -> bytes:
    """The content of an ONNX file for the page, which computes the log-mel itself."""
    from onnx import ModelProto

    from cargan_tf.export.onnx_log_mel import remove_log_mel

    model = ModelProto.FromString(file.read_bytes())  # without external files it may name
    remove_log_mel(model, audio)
    content: bytes = model.SerializeToString()
    return content


def _write(out: Path, path: str, content: bytes) -> dict[str, Any]:
    file = out / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _description(name: str, metadata: ModelMetadata) -> dict[str, Any]:
    audio, (height, width) = metadata.config.audio, height_width(metadata.config.data.image_size)
    return {
        "name": name,
        "license": metadata.license,
        "labels": list(metadata.labels),
        "players": {label: list(names) for label, names in metadata.players.items()},
        "player_count": metadata.config.model.players,
        "height": height,
        "width": width,
        "channels": metadata.config.model.spectrogram_channels,
        "sample_rate": audio.sample_rate,
        "clip_samples": audio.clip_samples,
        "silence_rms_db": audio.silence_rms_db,
        "noise_flatness": audio.noise_flatness,
        "log_mel": _log_mel(audio),
    }


def _log_mel(audio: AudioConfig) -> dict[str, Any]:
    return {
        "n_fft": audio.n_fft,
        "hop_length": audio.hop_length,
        "frames": audio.frames,
        "floor_db": audio.floor_db,
        "scale": audio.log_mel_scale,
        "bands": _bands(audio),
    }


def _bands(audio: AudioConfig) -> list[tuple[int, list[float]]]:
    """Of each mel band the first frequency it reaches, and its weights as the graph has them."""
    bands = []
    for row in mel_filter_bank(audio).astype(np.float32):
        reached = np.flatnonzero(row)
        first, last = (int(reached[0]), int(reached[-1]) + 1) if len(reached) else (0, 1)
        bands.append((first, [_rounded(float(value)) for value in row[first:last]]))
    return bands


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else 0.0


def _write_samples(labels: Sequence[str], out: Path) -> list[dict[str, str]]:
    """A synthesized sound of each instrument that there is one of."""
    import soundfile

    from cargan_tf.synthetic.recording import record
    from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
    from cargan_tf.synthetic.timbre import INSTRUMENTS

    samples = []
    for label in labels:
        if label not in INSTRUMENTS:
            continue
        content = io.BytesIO()
        sound: FloatArray = record(label, _RECORDING, _NOTES, _SEED)
        soundfile.write(content, sound, SAMPLE_RATE, format="WAV", subtype="PCM_16")
        path = f"{SAMPLES_FOLDER}/{label}.wav"
        _write(out, path, content.getvalue())
        samples.append({"label": label, "path": path})
    return samples
