"""A trained model as one ONNX file: waveform and label weights in, image and recognition out.

The networks are converted by tf2onnx, with their large kernels as inputs: so they reach the file as
they are stored, and nothing is multiplied into them. The log-mels before them are built here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from cargan_tf import __version__
from cargan_tf.audio.log_mel_graph import spectrogram_input
from cargan_tf.config import AudioConfig
from cargan_tf.export.metadata import ModelMetadata, Storage
from cargan_tf.export.onnx_log_mel import LOG_MEL, NodeBuilder, add_log_mel
from cargan_tf.export.onnx_model import (
    LABEL_WEIGHTS,
    MODEL_FILE,
    PLAYER,
    RECOGNITION_FILE,
    WAVEFORM,
    metadata_properties,
)
from cargan_tf.export.packed_weights import is_large_kernel
from cargan_tf.export.serving_module import generation_outputs, recognition_outputs
from cargan_tf.models.base import ImageGenerator
from cargan_tf.models.sound_classifier import SoundClassifier, sound_classifier_audio
from cargan_tf.utils.portable_ops import portable_ops

#: Version of ONNX's operations: the first with a short-time Fourier transform.
OPSET: Final = 17
#: The oldest version of the file format with opset 17; runtimes refuse newer ones than they know.
IR_VERSION: Final = 8
#: Operations that only rearrange a kernel: done here, so that the file holds the result.
_LAYOUT: Final = frozenset(
    {"Gather", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
)


def write_models(
    folder: Path,
    network: ImageGenerator,
    sound_classifier: SoundClassifier | None,
    metadata: ModelMetadata,
    storage: Storage,
) -> None:
    """Write the networks as ONNX files into ``folder``.

    Args:
        folder: of the exported version.
        network: the image generator.
        sound_classifier: recognizes the instrument; a model may have none.
        metadata: of the exported model; each file holds it.
        storage: type of the large kernels in the files; they are computed with as float32.
    """
    onnx.save(_image_model(network, metadata, storage), folder / MODEL_FILE)
    if sound_classifier is not None:
        model = _recognition_model(sound_classifier, metadata, storage)
        onnx.save(model, folder / RECOGNITION_FILE)


def _image_model(network: ImageGenerator, metadata: ModelMetadata, storage: Storage) -> ModelProto:
    """The serving module's signature ``soft_labels``, for clips."""
    others = {LABEL_WEIGHTS: tf.TensorSpec([None, len(metadata.labels)])}
    if metadata.players:
        others[PLAYER] = tf.TensorSpec([None], tf.int64)

    def compute(
        log_mel: tf.Tensor, label: tf.Tensor, player: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        spectrogram = spectrogram_input(log_mel, metadata.statistics, metadata.config)
        return generation_outputs(network(spectrogram, label, player, training=False), spectrogram)

    return _model(compute, network.variables, metadata.config.audio, others, metadata, storage)


def _recognition_model(
    sound_classifier: SoundClassifier, metadata: ModelMetadata, storage: Storage
) -> ModelProto:
    """The serving module's signature ``recognize``, for clips."""

    def compute(log_mel: tf.Tensor) -> dict[str, tf.Tensor]:
        return recognition_outputs(sound_classifier(log_mel, training=False), metadata)

    audio = sound_classifier_audio(metadata.config)
    return _model(compute, sound_classifier.variables, audio, {}, metadata, storage)


def _model(
    compute: Callable[..., dict[str, tf.Tensor]],
    variables: Sequence[keras.Variable],
    audio: AudioConfig,
    others: Mapping[str, tf.TensorSpec],
    metadata: ModelMetadata,
    storage: Storage,
) -> ModelProto:
    """``compute``, of a log-mel and the ``others``, as a model of a waveform and the others."""
    large = [one for one in variables if is_large_kernel(one) or one.dtype == "uint8"]
    kernels = {f"kernel_{index}": variable for index, variable in enumerate(large)}
    arrays = {id(variable): variable.numpy() for variable in variables}
    signature = {
        LOG_MEL: tf.TensorSpec([None, audio.n_mels, audio.frames]),
        **others,
        **{name: tf.TensorSpec(one.shape, one.dtype) for name, one in kernels.items()},
    }

    def outputs(tensors: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        values = arrays | {id(v): tensors[name] for name, v in kernels.items()}
        mapping = [(v, tf.convert_to_tensor(values[id(v)])) for v in variables]
        with keras.StatelessScope(state_mapping=mapping):
            return compute(tensors[LOG_MEL], *(tensors[name] for name in others))

    graph, computed = _converted(outputs, signature)
    stored = {name: arrays[id(variable)] for name, variable in kernels.items()}
    _store_kernels(
        graph,
        {
            name: array if array.dtype == np.uint8 else array.astype(storage)
            for name, array in stored.items()
        },
    )
    add = NodeBuilder(LOG_MEL)
    add_log_mel(add, WAVEFORM, audio, output=LOG_MEL)
    nodes = [*add.nodes, *graph.node]
    used = {name for node in nodes for name in node.input}
    inputs = {WAVEFORM: tf.TensorSpec([None, audio.clip_samples]), **others}
    model = helper.make_model(
        helper.make_graph(
            nodes,
            metadata.config.name,
            [_described(name, tensor) for name, tensor in inputs.items()],
            [_described(name, tensor) for name, tensor in computed.items()],
            [tensor for tensor in (*add.constants, *graph.initializer) if tensor.name in used],
        ),
        producer_name="cargan_tf",
        producer_version=__version__,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(model, metadata_properties(metadata))
    return model


def _converted(
    outputs: Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]],
    signature: Mapping[str, tf.TensorSpec],
) -> tuple[GraphProto, dict[str, tf.TensorSpec]]:
    """``outputs`` as an ONNX graph, and the type of each output; unused inputs are omitted."""
    specs = [tf.TensorSpec(one.shape, one.dtype, name) for name, one in signature.items()]

    @tf.function(input_signature=specs, autograph=False)
    def traced(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        return outputs(dict(zip(signature, tensors, strict=True)))

    with portable_ops():
        structure = traced.get_concrete_function().structured_outputs
    with _quiet("tensorflow"), _quiet("tf2onnx"):
        model, _ = tf2onnx.convert.from_function(traced, specs, opset=OPSET)
    return model.graph, structure


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Within the block it logs no warnings: what is wrong with a file is found when it is run."""
    found = logging.getLogger(logger)
    before = found.level
    found.setLevel(logging.ERROR)
    try:
        yield
    finally:
        found.setLevel(before)


def _store_kernels(graph: GraphProto, kernels: Mapping[str, NDArray[Any]]) -> None:
    """Turn the inputs named in ``kernels`` into constants, rearranged as the graph takes them.

    They are inputs until then so that the conversion does not fold their casts to float32.
    """
    rearranged = dict(kernels)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    others = []
    for node in graph.node:
        if (
            node.op_type in _LAYOUT
            and node.input[0] in rearranged
            and constants.keys() >= {*node.input[1:]}
        ):
            given = {name: (constants | rearranged)[name] for name in node.input}
            (result,) = ReferenceEvaluator(node).run(None, given)
            rearranged[node.output[0]] = np.asarray(result)
        else:
            others.append(node)
    used = {name for node in others for name in node.input}
    stored = [name for name in rearranged if name in used]
    del graph.input[:], graph.node[:]
    for name in stored:
        value, kept = np.ascontiguousarray(rearranged[name]), name
        if value.dtype == np.float16:
            kept = f"{name}/half"
            graph.node.append(helper.make_node("Cast", [kept], [name], to=TensorProto.FLOAT))
        graph.initializer.append(numpy_helper.from_array(value, kept))
    graph.node.extend(others)


def _described(name: str, tensor: tf.TensorSpec) -> ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype.as_numpy_dtype))
    return helper.make_tensor_value_info(name, kind, ["batch", *tensor.shape[1:]])
