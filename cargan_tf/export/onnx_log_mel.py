"""Log-mel spectrograms as ONNX nodes: ``log_mel_graph.LogMelGraph`` for other runtimes.

The arithmetic is float64 there and here. ONNX Runtime's own STFT takes five times as long as the
two matrix products that a Fourier transform is factored into (docs/explanation/performance.md).
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from cargan_tf.audio.log_mel import MIN_CLIP_RANGE_DB, mel_filter_bank, periodic_hann
from cargan_tf.config import AudioConfig

#: Name of what the waveform becomes first.
LOG_MEL: Final = "log_mel"
#: Largest second factor of the window's length; products with larger ones are slower than STFT.
MAX_FACTOR: Final = 256


class NodeBuilder:
    """Collects nodes and constants under names of their own."""

    def __init__(self, prefix: str) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._prefix = prefix

    def constant(self, value: ArrayLike, dtype: type[Any] = np.int64) -> str:
        """The name of a new constant."""
        name = f"{self._prefix}/constant_{len(self.constants)}"
        array = np.ascontiguousarray(np.asarray(value, dtype))
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def __call__(self, operation: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """The name of the output of a new node."""
        output = output or f"{self._prefix}/{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, inputs, [output], output, **attributes))
        return output


def add_log_mel(add: NodeBuilder, waveform: str, audio: AudioConfig, output: str) -> None:
    """Add the nodes that compute a log-mel; see ``log_mel.log_mel``.

    Args:
        add: receives them.
        waveform: name of [B, clip_samples] float32, full scale at ±1.
        audio: rate, window, hop, bands, floor and scale.
        output: name for [B, n_mels, frames] float32.
    """
    double = add("Cast", waveform, to=TensorProto.DOUBLE)
    squared, weights = (
        _factored_spectrum(add, double, audio)
        if _factors(audio.n_fft)[1] <= MAX_FACTOR
        else _spectrum(add, double, audio)
    )
    bands = add("MatMul", squared, weights)  # [B, frames, n_mels]
    floor = add.constant(10.0 ** (audio.floor_db / 10.0), np.float64)
    decibels = add(
        "Mul",
        add("Log", add("Max", bands, floor)),
        add.constant(10.0 / math.log(10.0), np.float64),
    )
    if audio.log_mel_scale == "clip":
        least = add("ReduceMin", decibels, axes=[1, 2], keepdims=1)
        reach = add("Sub", add("ReduceMax", decibels, axes=[1, 2], keepdims=1), least)
        reach = add("Max", reach, add.constant(MIN_CLIP_RANGE_DB, np.float64))
        decibels = add("Div", add("Sub", decibels, least), reach)
    single = add("Cast", decibels, to=TensorProto.FLOAT)
    add("Transpose", single, perm=[0, 2, 1], output=output)


def remove_log_mel(model: ModelProto, audio: AudioConfig) -> None:
    """Make ``log_mel`` an input in the place of ``waveform``, for those who compute it themselves.

    WebAssembly has no fast float64 matrix product, and the runtime for WebGPU no float64.

    Args:
        model: an image generator as it is exported; it is changed.
        audio: of its log-mel.

    Raises:
        ValueError: it computes no log-mel.
    """
    graph = model.graph
    if not any(LOG_MEL in node.output for node in graph.node):
        raise ValueError(f"the model has no tensor {LOG_MEL}")
    kept, needed = [], {output.name for output in graph.output}
    for node in reversed(graph.node):
        if needed & set(node.output) and LOG_MEL not in node.output:
            kept.append(node)
            needed.update(node.input)
    shape: list[str | int] = ["batch", audio.n_mels, audio.frames]
    log_mel = helper.make_tensor_value_info(LOG_MEL, TensorProto.FLOAT, shape)
    inputs = [log_mel, *(one for one in graph.input if one.name in needed)]
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    for field, values in (("node", kept[::-1]), ("input", inputs), ("initializer", weights)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        graph.ClearField(field)
        getattr(graph, field).extend(copies)


def _spectrum(add: NodeBuilder, waveform: str, audio: AudioConfig) -> tuple[str, str]:
    """[B, frames, bins] power, and [bins, n_mels] weights of the bands."""
    half = audio.n_fft // 2
    padded = add("Pad", waveform, add.constant([0, half, 0, half]))
    spectrum = add(
        "STFT",
        padded,
        add.constant(audio.hop_length),
        add.constant(periodic_hann(audio.n_fft), np.float64),
        onesided=1,
    )  # [B, frames, bins, 2]
    power = add("ReduceSum", add("Mul", spectrum, spectrum), add.constant([-1]), keepdims=0)
    weights = add("Cast", add.constant(mel_filter_bank(audio).T, np.float32), to=TensorProto.DOUBLE)
    return power, weights


def _factored_spectrum(add: NodeBuilder, waveform: str, audio: AudioConfig) -> tuple[str, str]:
    """The same by matrix products, as [B, frames, N] and [N, n_mels].

    With n_fft = R · C, sample C·r + c and frequency k + R·m (Cooley and Tukey 1965):

        X[k + R·m] = Σ_c  w^(c·k) · W_C^(c·m) · Σ_r  x[C·r + c] · W_R^(r·k)

    where W_N = exp(-2πi / N) and w = W_(R·C). The N = R · 2 · M numbers are the real and imaginary
    parts of all X, squared; their weights are those of the power.
    """
    rows, columns = _factors(audio.n_fft)
    frames = add("Reshape", _frames(add, waveform, audio), add.constant([0, 0, rows, columns]))
    first = _roots(rows, rows, rows)  # [k, r]
    stacked = add.constant(np.concatenate([first.real, first.imag]), np.float64)
    sums = add("MatMul", stacked, frames)  # [B, frames, 2·R, C]
    sums = add("Reshape", sums, add.constant([0, 0, 2, rows, columns]))
    sums = add("Transpose", sums, perm=[0, 3, 1, 2, 4])  # [B, R, frames, 2, C]
    sums = add("Reshape", sums, add.constant([0, 0, audio.frames, 2 * columns]))
    count = audio.n_fft // 2 // rows + 1  # M
    spectrum = add("MatMul", sums, _second_product(add, rows, columns, count))
    spectrum = add("Transpose", spectrum, perm=[0, 2, 1, 3])  # [B, frames, R, 2·M]
    spectrum = add("Reshape", spectrum, add.constant([0, 0, rows * 2 * count]))
    return add("Mul", spectrum, spectrum), _band_weights(add, audio, rows, count)


def _frames(add: NodeBuilder, waveform: str, audio: AudioConfig) -> str:
    """[B, frames, n_fft], windowed; copied in pieces of one hop, as single samples are slow."""
    length, hop, half = audio.n_fft, audio.hop_length, audio.n_fft // 2
    pieces = -(-length // hop)  # of a frame
    total = audio.frames - 1 + pieces
    missing = total * hop - half - audio.clip_samples
    padded = add("Pad", waveform, add.constant([0, half, 0, missing]))
    hops = add("Reshape", padded, add.constant([0, total, hop]))
    indices = np.arange(audio.frames)[:, np.newaxis] + np.arange(pieces)
    frames = add("Gather", hops, add.constant(indices), axis=1)  # [B, frames, pieces, hop]
    frames = add("Reshape", frames, add.constant([0, 0, pieces * hop]))
    frames = add("Slice", frames, *(add.constant([value]) for value in (0, length, 2)))
    return add("Mul", frames, add.constant(periodic_hann(length), np.float64))


def _second_product(add: NodeBuilder, rows: int, columns: int, count: int) -> str:
    """[R, 2·C, 2·M]: the factors of c, per k, for real and imaginary parts.

    Multiplied when the model is loaded: in the file they would be megabytes.
    """
    shift = _roots(rows, columns, rows * columns)[:, :, np.newaxis]  # [k, c, 1]
    second = _roots(columns, count, columns)[np.newaxis]  # [1, c, m]
    a, b, c, d = (
        add.constant(part, np.float64)
        for part in (shift.real, shift.imag, second.real, second.imag)
    )
    real = add("Sub", add("Mul", a, c), add("Mul", b, d))
    imaginary = add("Add", add("Mul", a, d), add("Mul", b, c))
    upper = add("Concat", real, imaginary, axis=2)
    lower = add("Concat", add("Neg", imaginary), real, axis=2)
    return add("Concat", upper, lower, axis=1)


def _band_weights(add: NodeBuilder, audio: AudioConfig, rows: int, count: int) -> str:
    """[R · 2 · M, n_mels]: frequencies in the order of the products, 0 beyond the highest."""
    bank = mel_filter_bank(audio).T  # [bins, n_mels]
    bank = np.concatenate([bank, np.zeros([1, audio.n_mels])])
    frequencies = np.arange(rows)[:, np.newaxis] + rows * np.arange(count)
    indices = add.constant(np.minimum(frequencies, audio.n_fft // 2 + 1))
    weights = add("Gather", add.constant(bank, np.float32), indices, axis=0)  # [R, M, n_mels]
    weights = add("Concat", weights, weights, axis=1)
    weights = add("Reshape", weights, add.constant([rows * 2 * count, audio.n_mels]))
    return add("Cast", weights, to=TensorProto.DOUBLE)


def _factors(length: int) -> tuple[int, int]:
    """The two factors of ``length`` that are nearest to each other, the smaller first."""
    smaller = next(n for n in range(math.isqrt(length), 0, -1) if length % n == 0)
    return smaller, length // smaller


def _roots(first: int, second: int, order: int) -> NDArray[np.complex128]:
    """[first, second]: exp(-2πi · a · b / order)."""
    # The product modulo the order: exact, where a large angle would lose digits.
    turns = np.outer(np.arange(first), np.arange(second)) % order
    roots: NDArray[np.complex128] = np.exp(-2j * np.pi * turns / order)
    return roots
