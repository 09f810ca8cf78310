"""Runs an exported ``model.onnx`` by ONNX Runtime: without TensorFlow, and without its start.

ONNX files may name other files to read weights from, and operations of other libraries. Those from
strangers are therefore checked first, as SavedModels are (``op_allowlist``): a file may only
compute, from weights that it holds. This reads the file's format itself: ONNX's own package would
take as long to import as an image takes.

What a file computes may be large, too: three operations make a tensor of terabytes, and its shape
may itself be computed. Shapes are therefore not judged beforehand. ONNX Runtime takes all tensors
of a session from one arena whose size is limited, so that what would exceed it is refused before it
is allocated, whatever led to it. What ONNX Runtime computes while it loads a file (operations on
constants) is not in that arena, and bounded here.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError, full_message
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata, file_hashes
from cargan_tf.utils.arrays import FloatArray, IntArray, height_width
from cargan_tf.utils.files import is_remote

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
#: ONNX Runtime's number of the level of its log: what is raised need not be in it, too.
FATAL: Final = 4
#: Larger files are refused; the paper's networks at 256 pixels are half of it.
MAX_BYTES: Final = 1 << 30

#: Operations of a graph; the paper's networks have some three hundred.
MAX_NODES: Final = 10_000
#: Bytes that a session may take beside what its images need.
BASE_MEMORY: Final = 1 << 29
#: Images of a batch that memory is allowed for; ``Generator`` and `cargan serve` make 16 at once.
_BATCH: Final = 16
#: Bytes that an operation on constants may always unfold to, and all of them beside the weights:
#: the log-mel's windowed Fourier transform is computed so, 17 MB at 2,048 samples.
_FOLDED: Final = 1 << 26
_FOLDED_IN_ALL: Final = 1 << 30
#: Registering an arena and making the session that takes it.
_ARENA: Final = threading.Lock()

#: Type and shape of an input or output, without the batch.
_Tensor: TypeAlias = tuple[str, list[int]]

#: The operations of exports of all kinds of networks, and close relatives: none of them runs a
#: graph of its own.
_ALLOWED: Final = frozenset(
    b"""
    Abs Add And Cast Ceil Clip Concat Cos Div Elu Equal Erf Exp Expand Flatten Floor Gather GatherND
    Gemm Greater GreaterOrEqual Identity Less LessOrEqual Log LogSoftmax MatMul Max Mean Min Mod Mul
    Neg Not Or Pad Pow Reciprocal ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Reshape ReverseSequence Round STFT Shape Sigmoid Sign Sin Slice Softmax Softplus
    Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Unsqueeze Where

    AveragePool BatchNormalization Constant Conv ConvTranspose GlobalAveragePool GlobalMaxPool
    LeakyRelu MaxPool Relu
    """.split()
)
#: Of these, those whose output has the shape of their input.
_SAME_SHAPE: Final = frozenset(
    b"""
    Abs Cast Ceil Clip Cos Elu Erf Exp Floor Identity LeakyRelu Log LogSoftmax Neg Not Reciprocal
    Relu ReverseSequence Round Sigmoid Sign Sin Softmax Softplus Sqrt Tanh
    """.split()
)
#: Those whose output has no more values than their first input.
_NOT_LARGER: Final = _SAME_SHAPE | frozenset(
    b"""
    Flatten GlobalAveragePool GlobalMaxPool ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Reshape Slice Split Squeeze Transpose Unsqueeze
    """.split()
)
#: Those that broadcast their inputs.
_ELEMENTWISE: Final = frozenset(
    b"""
    Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum
    Where
    """.split()
)
#: Those that have at most as many values as the product of their inputs' numbers of values; of all
#: others it depends on values or attributes.
_AT_MOST_PRODUCT: Final = frozenset(b"Gather GatherND Gemm MatMul".split())
#: Values that a shape has at most.
_MAX_RANK: Final = 64
#: Names of ONNX's own set of operations.
_OWN_DOMAINS: Final = (b"", b"ai.onnx")
#: Bytes per value of each type of tensor that exports hold: float, uint8, int8, int32, int64, bool,
#: float16 and double.
_BYTES: Final = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}

#: Number and value of a field: an integer, or the bytes of text or of a message.
_Field: TypeAlias = tuple[int, int | memoryview]


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
    if file.stat().st_size > MAX_BYTES:
        raise Refused(f"it is larger than {MAX_BYTES >> 20} MB")
    content = file.read_bytes()
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
    options.add_session_config_entry(folded, str(_largest_folded(file.stat().st_size)))
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


def _largest_folded(size: int) -> int:
    """Bytes of the largest tensor that ONNX Runtime may compute while it loads a file of ``size``
    bytes: weights of two bytes a value become ones of four."""
    return max(_FOLDED, 2 * size)


class _Constant(NamedTuple):
    """The number of values of a tensor that is computed from weights alone, at most; and its shape
    if it is known."""

    values: int
    shape: tuple[int, ...] | None = None


class Refused(ValueError):
    """Why a file is refused, as the rest of a sentence that begins with its name."""


def check_onnx(content: bytes) -> dict[str, str]:
    """Check the content of a file; gives its properties.

    Raises:
        Refused: it is no ONNX file, or does more than compute from weights of its own.
    """
    properties: dict[str, str] = {}
    graphs = 0
    for number, value in _fields(memoryview(content)):
        if number == 7:  # graph
            graphs += 1
            _check_graph(_message(value), len(content))
        elif number == 8:  # opset_import
            _check_domain(_message(value), number=1)
        elif number == 14:  # metadata_props
            entry = {key: bytes(_message(part)) for key, part in _fields(_message(value))}
            key, text = (entry.get(n, b"").decode("utf-8", "replace") for n in (1, 2))
            properties[key] = text
        elif number in (20, 25):  # training_info, functions
            raise Refused("it holds more than one graph")
    if not graphs:
        raise Refused("it is damaged or no ONNX file")
    if graphs > 1:  # they would be merged
        raise Refused("it holds more than one graph")
    return properties


def _check_graph(graph: memoryview, size: int) -> None:
    """Check the graph of a file of ``size`` bytes."""
    nodes: list[memoryview] = []
    constants: dict[bytes, _Constant] = {}
    for number, value in _fields(graph):
        if number == 1:  # node
            _check_node(_message(value))
            nodes.append(_message(value))
            if len(nodes) > MAX_NODES:
                raise Refused(f"it holds more than {MAX_NODES:,} operations")
        elif number == 5:  # initializer
            name, shape = _check_tensor(_message(value))
            constants[name] = _Constant(math.prod(shape), shape)
        elif number == 15:  # sparse_initializer
            raise Refused("it holds sparse weights")
    _check_constants(nodes, constants, size)


def _check_constants(nodes: list[memoryview], constants: dict[bytes, _Constant], size: int) -> None:
    """That what ONNX Runtime computes at loading, from constants alone, fits into memory.

    Args:
        nodes: of the graph, in its order.
        constants: the weights by name.
        size: bytes of the file.
    """
    largest, total = _largest_folded(size), 0
    for node in nodes:
        fields = [(number, _message(value)) for number, value in _fields(node) if number < 6]
        operation = b"".join(bytes(value) for number, value in fields if number == 4)
        names = [bytes(value) for number, value in fields if number == 1 and len(value)]
        if operation == b"Shape":
            found = _Constant(_MAX_RANK)
        elif operation == b"Constant":
            found = _Constant(len(node))
        elif all(name in constants for name in names):
            axis = _axis_of([value for number, value in fields if number == 5])
            found = _folded(operation, [constants[name] for name in names], axis, largest)
        else:
            continue
        for number, value in fields:
            if number == 2:  # output
                constants[bytes(value)] = found
                total += min(8 * found.values, largest)
    if total > _FOLDED_IN_ALL + 8 * size:
        raise Refused(f"its constants unfold to {total >> 20:,} MB")


def _folded(operation: bytes, inputs: list[_Constant], axis: int, largest: int) -> _Constant:
    """What an operation makes of constants, at most; more than ``largest`` bytes is not computed
    before the model runs."""
    counts = [max(one.values, 1) for one in inputs] or [largest]
    shapes = [one.shape for one in inputs if one.shape is not None]
    known = len(shapes) == len(inputs)
    count, shape = largest, None
    if operation in _NOT_LARGER:
        count = counts[0]
    elif operation == b"Concat":
        count = sum(counts)
    elif operation == b"Gather" and known and axis in range(*_axes(shapes)):
        before, after = shapes[0][:axis], shapes[0][axis:][1:]
        shape = (*before, *shapes[1], *after)
        count = math.prod(shape)
    elif operation in _ELEMENTWISE and known:
        rank = max(map(len, shapes), default=0)
        aligned = [(1,) * (rank - len(one)) + one for one in shapes]
        shape = tuple(map(max, zip(*aligned, strict=True)))
        count = math.prod(shape)
    elif operation in _ELEMENTWISE or operation in _AT_MOST_PRODUCT:
        count = math.prod(counts)
    if operation in _SAME_SHAPE and known:
        shape = shapes[0]
    return _Constant(min(count, largest), shape)


def _axes(shapes: list[tuple[int, ...]]) -> tuple[int, int]:
    """The first axis of a tensor that is gathered from by another, and the one after the last."""
    return (-len(shapes[0]), len(shapes[0])) if len(shapes) == 2 else (0, 0)


def _axis_of(attributes: list[memoryview]) -> int:
    """The attribute ``axis`` of an operation; 0 if it has none."""
    for attribute in attributes:
        parts = list(_fields(attribute))
        if (1, b"axis") in [(number, value) for number, value in parts if number == 1]:
            values = [value for number, value in parts if number == 3 and isinstance(value, int)]
            # Negative ones are written as what they are in 64 bits.
            return next((v - (1 << 64) if v >> 63 else v for v in values[-1:]), 0)
    return 0


def _check_node(node: memoryview) -> None:
    _check_domain(node, number=7)
    for number, value in _fields(node):
        if number == 4 and bytes(_message(value)) not in _ALLOWED:  # op_type
            name = bytes(_message(value)).decode("utf-8", "replace")
            raise Refused(f"it holds the operation {name}, which no model needs to generate images")
        if number == 5:  # attribute
            for part, inner in _fields(_message(value)):
                if part in (5, 10):  # t, tensors
                    _check_tensor(_message(inner))
                elif part in (6, 11, 22, 23):  # g, graphs, sparse_tensor, sparse_tensors
                    raise Refused("it holds more than one graph, or sparse weights")


def _check_domain(message: memoryview, number: int) -> None:
    for found, value in _fields(message):
        if found == number and bytes(_message(value)) not in _OWN_DOMAINS:
            name = bytes(_message(value)).decode("utf-8", "replace")
            raise Refused(f"it needs operations of another library, {name}")


def _check_tensor(tensor: memoryview) -> tuple[bytes, tuple[int, ...]]:
    """Its name and shape; its values are in the file, as many as it says."""
    shape: list[int] = []
    name = b""
    kind, size = 0, 0
    for number, value in _fields(tensor):
        if number == 1:  # dims
            shape += [value] if isinstance(value, int) else _integers(value)
        elif number == 2 and isinstance(value, int):  # data_type
            kind = value
        elif number == 9:  # raw_data
            size = len(_message(value))
        elif number in (13, 14):  # external_data, data_location
            raise Refused("its weights are in another file")
        elif number == 8:
            name = bytes(_message(value))
        elif number != 12:  # doc_string
            raise Refused("it holds weights in a form that exports do not have")
    if kind not in _BYTES or math.prod(shape) * _BYTES[kind] != size:
        raise Refused(f"it is damaged: {size} bytes cannot be a tensor of shape {shape}")
    return name, tuple(shape)


def _fields(message: memoryview) -> Iterator[_Field]:
    """The fields of a protocol-buffer message, in order."""
    position = 0
    while position < len(message):
        key, position = _integer(message, position)
        kind, length = key & 7, {1: 8, 5: 4}.get(key & 7, 0)
        if kind == 0:
            value, position = _integer(message, position)
            yield key >> 3, value
            continue
        if kind == 2:
            length, position = _integer(message, position)
        elif not length:
            raise Refused("it is damaged or no ONNX file")
        if length > len(message) - position:
            raise Refused("it is damaged or no ONNX file")
        yield key >> 3, message[position : position + length]
        position += length


def _integers(packed: memoryview) -> list[int]:
    found, position = [], 0
    while position < len(packed):
        value, position = _integer(packed, position)
        found.append(value)
    return found


def _integer(message: memoryview, position: int) -> tuple[int, int]:
    """A variable-length integer, and where it ends; negative ones are huge."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise Refused("it is damaged or no ONNX file")


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise Refused("it is damaged or no ONNX file")
    return value
