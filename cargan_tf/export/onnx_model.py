"""Runs an exported ``model.onnx`` by ONNX Runtime: without TensorFlow, and without its start.

Files from strangers are checked first (``onnx_allowlist``). What they compute may be large, too:
three operations make a tensor of terabytes, and its shape may itself be computed. Shapes are
therefore not judged beforehand. ONNX Runtime takes all tensors of a session from one arena whose
size is limited, so that what would exceed it is refused before it is allocated, whatever led to it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError, full_message
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata, file_hashes
from cargan_tf.export.onnx_allowlist import Refused, check_onnx, largest_folded
from cargan_tf.utils.arrays import FloatArray, IntArray, height_width
from cargan_tf.utils.files import is_remote, read_regular

#: Beside saved_model.pb: the image generator, and the sound classifier if there is one.
MODEL_FILE: Final = "model.onnx"
RECOGNITION_FILE: Final = "sound_classifier.onnx"
#: Their inputs; the sound classifier has the first only.
WAVEFORM: Final = "waveform"
LABEL_WEIGHTS: Final = "label_weights"
#: Of models with a player input.
PLAYER: Final = "player"
#: Key of the whole metadata among the properties of a file.
METADATA_KEY: Final = "cargan"
#: ONNX Runtime's log level FATAL; errors are raised instead.
FATAL: Final = 4
#: Larger files are refused; the paper's networks at 256 pixels are half of it.
MAX_BYTES: Final = 1 << 30

#: Bytes that a session may take beside what its images need.
BASE_MEMORY: Final = 1 << 29
#: Images of a batch that memory is allowed for; ``Generator`` and `cargan serve` make 16 at once.
_BATCH: Final = 16
#: Registering an arena and making the session that takes it.
_ARENA: Final = threading.Lock()

#: Type and shape of an input or output, without the batch.
_Tensor: TypeAlias = tuple[str, list[int]]


class OnnxModel:
    """The ONNX files of an exported version, with the functions of ``ServingModule`` that
    generating needs."""

    def __init__(self, version: Path, metadata: ModelMetadata) -> None:
        """Load the image generator; the sound classifier is loaded when it is first asked.

        Args:
            version: folder of the exported version.
            metadata: of that version, with which the files must agree.

        Raises:
            UserError: the file is damaged, of another model, or does more than generate images.
        """
        self._version = version
        self._metadata = metadata
        config, labels = metadata.config, len(metadata.labels)
        self._samples = config.audio.clip_samples
        shape, channels = height_width(config.data.image_size), config.model.spectrogram_channels
        self._images = _load(
            version / MODEL_FILE,
            metadata,
            {
                WAVEFORM: ("tensor(float)", [self._samples]),
                LABEL_WEIGHTS: ("tensor(float)", [labels]),
                **({PLAYER: ("tensor(int64)", [])} if metadata.players else {}),
                "image": ("tensor(uint8)", [*shape, 3]),
                "coarse": ("tensor(uint8)", [*shape, 3]),
                "spectrogram": ("tensor(float)", [*shape, channels]),
            },
        )

    def generate_soft_labels(
        self, waveform: FloatArray, label_weights: FloatArray, player: IntArray | None = None
    ) -> dict[str, NDArray[Any]]:
        """Generate images; arguments and outputs as of the signature ``soft_labels``.

        Raises:
            UserError: values that are not finite, negative weights, unknown players, or not as many
                as sounds; or the model needs more memory than its images should.
        """
        if not (np.isfinite(label_weights).all() and (label_weights >= 0).all()):
            raise UserError(
                "received label_weights that are NaN, infinite or negative; expected 0 or more."
            )
        if not len(waveform) or len(waveform) != len(label_weights):
            raise UserError(
                f"received {len(waveform)} sounds and {len(label_weights)} labels; expected as many"
                " of each, at least one."
            )
        inputs: dict[str, NDArray[Any]] = {
            WAVEFORM: self._clips(waveform),
            LABEL_WEIGHTS: np.asarray(label_weights, np.float32),
        }
        if self._metadata.players:
            inputs[PLAYER] = self._players(player, len(waveform))
        return _run(self._images, inputs, self._version / MODEL_FILE)

    def recognize(self, waveform: FloatArray) -> dict[str, NDArray[Any]]:
        """Recognize the instrument; argument and outputs as of the signature ``recognize``.

        Raises:
            UserError: values that are not finite, too much memory, or as for loading the image
                generator.
        """
        inputs = {WAVEFORM: self._clips(waveform)}
        return _run(self._sound_classifier, inputs, self._version / RECOGNITION_FILE)

    @cached_property
    def _sound_classifier(self) -> Any:
        expected = {
            WAVEFORM: ("tensor(float)", [self._samples]),
            "label_probabilities": ("tensor(float)", [len(self._metadata.labels)]),
            "none_probability": ("tensor(float)", []),
        }
        return _load(self._version / RECOGNITION_FILE, self._metadata, expected)

    def _players(self, player: IntArray | None, count: int) -> IntArray:
        """``player``, or the first for each of ``count`` sounds."""
        if player is None:
            return np.zeros(count, np.int64)
        known = self._metadata.config.model.players
        if len(player) != count or np.min(player) < 0 or np.max(player) >= known:
            raise UserError(
                f"received the players {player.tolist()} for {count} sounds; expected as many"
                f" indices from 0 to {known - 1}."
            )
        return np.asarray(player, np.int64)

    def _clips(self, waveform: FloatArray) -> FloatArray:
        """The first ``clip_samples`` of each; shorter ones are padded with zeros."""
        if not np.isfinite(waveform).all():
            raise UserError("received NaN or infinite samples; expected finite ones.")
        clips = np.zeros([len(waveform), self._samples], np.float32)
        clips[:, : waveform.shape[1]] = waveform[:, : self._samples]
        return clips


def metadata_properties(metadata: ModelMetadata) -> dict[str, str]:
    """What the file says of itself: what other programs need to know, and the whole."""
    audio = metadata.config.audio
    properties = {
        "labels": json.dumps(metadata.labels),
        "sample_rate": str(audio.sample_rate),
        "clip_samples": str(audio.clip_samples),
        "image_size": json.dumps(metadata.config.data.image_size),
        "data_hash": metadata.data_hash,
        METADATA_KEY: json.dumps(metadata.to_json()),
    }
    return properties | ({} if metadata.license is None else {"license": metadata.license})


def _load(file: Path, metadata: ModelMetadata, expected: Mapping[str, _Tensor]) -> Any:
    """The session of a file, once it is known to compute and no more.

    Raises:
        UserError: it cannot be read, is damaged, of another model, or does more.
    """
    try:
        _check(file, metadata)
        session = _session(file, memory_limit(metadata, file.stat().st_size))
        found: dict[str, _Tensor] = {
            one.name: (one.type, one.shape[1:])
            for one in (*session.get_inputs(), *session.get_outputs())
        }
        wrong = sorted(name for name, value in expected.items() if found.get(name) != value)
        if wrong:
            raise Refused(f"{wrong[0]} is not as {METADATA_FILE} says")
    except Refused as why:
        raise UserError(
            f"the model at {file} is refused: {why}. Take models of `cargan export` from people you"
            " trust; export it again if it is your own."
        ) from why
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror or error}.") from error
    return session


def _check(file: Path, metadata: ModelMetadata) -> None:
    """Raise ``Refused`` if it is not what was exported with ``metadata``."""
    if not (is_remote(file) or file.resolve().is_relative_to(file.parent.resolve())):
        raise Refused("it is a link out of its folder; copy the file into it")
    try:
        content = read_regular(file, MAX_BYTES)
    except ValueError as error:
        raise Refused(f"it is larger than {MAX_BYTES >> 20} MB") from error
    if _metadata_of(check_onnx(content), file) != metadata:
        raise Refused(f"it is of another model than {METADATA_FILE}")
    expected = file_hashes(file.parent).get(file.name)
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise Refused(f"it is damaged: its hash is not the one in {METADATA_FILE}")


def _metadata_of(properties: Mapping[str, str], file: Path) -> ModelMetadata | None:
    try:
        return ModelMetadata.from_json(json.loads(properties[METADATA_KEY]), str(file))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def memory_limit(metadata: ModelMetadata, weights: int) -> int:
    """Bytes that tensors of a session may take at once: several times what a batch of images needs,
    but never more than three quarters of the machine's memory.

    Args:
        metadata: of the model.
        weights: bytes of its file.
    """
    config = metadata.config.model
    pixels = math.prod(height_width(metadata.config.data.image_size))
    width = max(config.generator_width, config.refined_generator_width or 0)
    values = 16 * width * pixels  # eight maps of the widest outer layer, with its skip connection
    if config.attention != "none":
        values += 4 * (pixels // 4) * (pixels // 16)  # attention maps, and their softmax
    audio = metadata.config.audio
    values += 8 * audio.frames * audio.n_fft
    needed = BASE_MEMORY + 2 * weights + _BATCH * 4 * values
    return min(needed, _physical_memory() // 4 * 3)


def _physical_memory() -> int:
    """Bytes of the machine's or container's memory."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
    except (OSError, ValueError):
        return found
    return min(found, int(limit)) if limit.isdecimal() else found


def _session(file: Path, memory: int) -> Any:
    """What ONNX Runtime makes of the file, with ``memory`` bytes for its tensors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = FATAL
    # Threads that wait for work would keep the cores busy: of one image at 128, 65 ms of processor
    # time become 42, which the live page's browser needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    folded = "optimization.constant_folding_max_output_size_in_bytes"
    options.add_session_config_entry(folded, str(largest_folded(file.stat().st_size)))
    options.add_session_config_entry("session.use_env_allocators", "1")
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    place = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    # By its path it takes 40 MB less than by its content.
    source = file.read_bytes() if is_remote(file) else str(file)
    try:
        with _ARENA:
            # A session keeps the arena that was registered last when it was made.
            arena = onnxruntime.OrtArenaCfg({"max_mem": memory, "arena_extend_strategy": 1})
            onnxruntime.create_and_register_allocator(place, arena)
            return onnxruntime.InferenceSession(source, options, ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a dozen types of its own
        raise Refused(f"it is damaged ({full_message(error)})") from error


def _run(session: Any, inputs: Mapping[str, NDArray[Any]], file: Path) -> dict[str, NDArray[Any]]:
    names = [output.name for output in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, inputs), strict=True))
    except Exception as error:  # ONNX Runtime has a dozen types of its own
        count, why = len(inputs[WAVEFORM]), full_message(error)
        if "smaller than requested" in str(error) or isinstance(error, MemoryError):
            why = "it needs more memory than such images should"
        raise UserError(
            f"the model at {file} fails for a batch of {count}: {why}. Give it fewer sounds at"
            " once, or take models of `cargan export` from people you trust."
        ) from error
