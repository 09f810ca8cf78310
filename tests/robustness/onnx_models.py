"""Small ONNX models with the interface of exported ones, made by hand, without TensorFlow."""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.config import Config, override
from cargan_tf.export.metadata import METADATA_FILE, ModelMetadata
from cargan_tf.export.onnx_model import MODEL_FILE, metadata_properties

SIDE, LABELS = 32, ["cello", "flute"]
CONFIG = override(
    Config(),
    [f"data.image_size={SIDE}", "model.generator_width=4", "model.max_width_multiplier=2"],
)
SAMPLES = CONFIG.audio.clip_samples
METADATA = ModelMetadata(
    CONFIG,
    tuple(LABELS),
    BandStatistics((0.0,) * CONFIG.audio.n_mels, (1.0,) * CONFIG.audio.n_mels),
    step=1,
    data_hash="a",
)


class Graph:
    """The operations and weights of a model that is being made."""

    def __init__(self):
        self.nodes, self.weights, self.size = [], [], SAMPLES

    def weight(self, value, dtype=None):
        name = f"weight{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def __call__(self, operation, *inputs, outputs=1, **attributes):
        names = [f"{operation}{len(self.nodes)}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(operation, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def shape(self, *sizes):
        return self.weight(sizes, np.int64)


def written(folder, attack=None):
    """A version in ``folder``: plain images, to which a value of ``attack``'s tensor is added."""
    graph = Graph()
    pixels = graph("Slice", "waveform", graph.shape(0), graph.shape(SIDE**2), graph.shape(1))
    if attack is not None:
        loudest = graph("ReduceMax", attack(graph), keepdims=0)
        pixels = graph("Add", pixels, graph("Cast", loudest, to=TensorProto.FLOAT))
    spectrogram = graph("Reshape", pixels, graph.shape(-1, SIDE, SIDE, 1))
    image = graph("Cast", graph("Tile", spectrogram, graph.shape(1, 1, 1, 3)), to=TensorProto.UINT8)
    weighted = graph("ReduceSum", "label_weights", graph.shape(1), keepdims=1)
    bright = graph("Cast", graph("Sub", weighted, weighted), to=TensorProto.UINT8)
    bright = graph("Reshape", bright, graph.shape(-1, 1, 1, 1))
    for name in ("image", "coarse"):
        graph.nodes.append(helper.make_node("Add", [image, bright], [name]))
    graph.nodes.append(helper.make_node("Identity", [spectrogram], ["spectrogram"]))
    value = helper.make_tensor_value_info
    made = helper.make_graph(
        graph.nodes,
        "graph",
        [
            value("waveform", TensorProto.FLOAT, ["batch", SAMPLES]),
            value("label_weights", TensorProto.FLOAT, ["batch", len(LABELS)]),
        ],
        [
            value("image", TensorProto.UINT8, ["batch", SIDE, SIDE, 3]),
            value("coarse", TensorProto.UINT8, ["batch", SIDE, SIDE, 3]),
            value("spectrogram", TensorProto.FLOAT, ["batch", SIDE, SIDE, 1]),
        ],
        graph.weights,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata_properties(METADATA))
    folder.mkdir()
    (folder / MODEL_FILE).write_bytes(model.SerializeToString())
    (folder / METADATA_FILE).write_text(json.dumps(METADATA.to_json()))
    return folder
