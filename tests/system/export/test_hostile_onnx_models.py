"""ONNX models of strangers that compute something huge: each is refused, and nothing is allocated.

Each has the inputs, outputs and metadata of a model of tiny images, so that only what it computes
is wrong. They are loaded and run in a process whose peak memory is read afterwards.
"""

import subprocess
import sys

import numpy as np
import pytest
from onnx import TensorProto
from robustness.onnx_models import SAMPLES, SIDE, written

from cargan_tf.export.metadata import read_metadata
from cargan_tf.export.onnx_model import MODEL_FILE, OnnxModel, memory_limit

#: Values of a tensor that no machine here could hold: 40 GB of float32.
HUGE = 10**10
#: Loads and runs each model given, and prints how it ended; then the peak memory in kB.
RUNNER = """
import sys
from pathlib import Path
import numpy as np
from cargan_tf.errors import UserError
from cargan_tf.export.metadata import read_metadata
from cargan_tf.export.onnx_model import OnnxModel
for folder in map(Path, sys.argv[1:]):
    try:
        model = OnnxModel(folder, read_metadata(folder))
        sound = np.ones([1, model._samples], np.float32)
        image = model.generate_soft_labels(sound, np.eye(2, dtype=np.float32)[:1])["image"]
        print("image", image.shape)
    except UserError as error:
        print("refused:", error)
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def loudness(graph):
    """A single value of the sound, which no one knows before it is there."""
    return graph("ReduceSum", graph("Abs", "waveform"), keepdims=0)


def column(graph, rows):
    """[rows, 1] of the sound."""
    ends = graph.shape(0), graph.shape(rows), graph.shape(1)
    return graph("Reshape", graph("Slice", "waveform", *ends), graph.shape(-1, 1))


def expanded(graph):
    return graph("Expand", loudness(graph), graph.shape(HUGE))


def expanded_constant(graph):
    return graph("Expand", graph.weight([1.0], np.float32), graph.shape(HUGE))


def expanded_to_a_shape_of_the_sound(graph):
    """As large as the sound is loud: 10^10 for one of ones."""
    count = graph("Mul", loudness(graph), graph.weight(HUGE / SAMPLES, np.float32))
    size = graph("Reshape", graph("Cast", count, to=TensorProto.INT64), graph.shape(1))
    return graph("Expand", loudness(graph), size)


def expanded_to_a_shape_of_shapes(graph):
    """The size of the batch's sound, multiplied with itself."""
    count = graph("Gather", graph("Shape", "waveform"), graph.shape(1))
    return graph("Expand", loudness(graph), graph("Mul", graph("Mul", count, count), count))


def tiled(graph):
    return graph("Tile", "waveform", graph.shape(1, HUGE // SAMPLES))


def padded(graph):
    return graph("Pad", "waveform", graph.shape(0, HUGE, 0, 0))


def padded_constant(graph):
    return graph("Pad", graph.weight([1.0], np.float32), graph.shape(HUGE, 0))


def doubled(graph):
    value = "waveform"
    for _ in range(20):
        value = graph("Concat", value, value, axis=1)
    return value


def doubled_constant(graph):
    value = graph.weight(np.ones(1 << 12), np.float32)
    for _ in range(24):
        value = graph("Concat", value, value, axis=0)
    return value


def multiplied(graph):
    rows = graph("Concat", *[column(graph, SAMPLES)] * 5, axis=0)
    return graph("MatMul", rows, graph("Transpose", rows))


def broadcast(graph):
    rows = graph("Concat", *[column(graph, SAMPLES)] * 5, axis=0)
    return graph("Add", rows, graph("Transpose", rows))


def chosen(graph):
    rows = graph("Concat", *[column(graph, SAMPLES)] * 5, axis=0)
    louder = graph("Greater", rows, graph("Transpose", rows))
    return graph("Where", louder, rows, graph("Transpose", rows))


def gathered(graph):
    """Rows of the sound, once for each of its samples."""
    index = graph("Cast", graph("Sub", "waveform", "waveform"), to=TensorProto.INT64)
    return graph("Gather", graph("Tile", "waveform", graph.shape(1, 20)), index, axis=0)


def upsampled(graph):
    x = graph("Reshape", "waveform", graph.shape(-1, 1, SAMPLES))
    kernel = graph.weight(np.ones([1, 1, 3]), np.float32)
    return graph("ConvTranspose", x, kernel, strides=[HUGE // SAMPLES])


def upsampled_by_padding(graph):
    x = graph("Reshape", "waveform", graph.shape(-1, 1, SAMPLES))
    kernel = graph.weight(np.ones([1, 1, 3]), np.float32)
    return graph("ConvTranspose", x, kernel, output_shape=[HUGE])


def convolved_with_padding(graph):
    x = graph("Reshape", "waveform", graph.shape(-1, 1, SAMPLES))
    kernel = graph.weight(np.ones([1, 1, 3]), np.float32)
    return graph("Conv", x, kernel, pads=[HUGE, 0])


def many_channels(graph):
    """A map for each of a million filters."""
    x = graph("Reshape", "waveform", graph.shape(-1, 1, SAMPLES))
    kernel = graph.weight(np.ones([1_000_000, 1, 1]), np.float32)
    return graph("Conv", x, kernel)


def short_time(graph):
    signal = graph("Reshape", "waveform", graph.shape(-1, SAMPLES, 1))
    signal = graph("Tile", signal, graph.shape(1, 10, 1))
    step = graph.weight(1, np.int64)
    return graph("STFT", signal, step, "", graph.weight(16_384, np.int64), onesided=1)


def many_at_once(graph):
    """A hundred tensors of 90 MB, all of which are needed at the end."""
    value = graph("Tile", "waveform", graph.shape(1, 1_000))
    parts = [graph("Exp", graph("Mul", value, graph.weight(n, np.float32))) for n in range(100)]
    return graph("Max", *parts)


def unfolded_while_loading(graph):
    """Of constants alone, each below what may be unfolded at once."""
    column, row = (graph.weight(np.ones(size), np.float32) for size in ([3_900, 1], [1, 4_000]))
    parts = [
        graph("Exp", graph("Mul", graph("Mul", column, graph.weight(n, np.float32)), row))
        for n in range(100)
    ]
    total = graph("Max", *[graph("Mul", part, loudness(graph)) for part in parts])
    return total


def image_of_another_size(graph):
    """What is declared [batch, 32, 32, 3] is that only if the sound is silent."""
    return graph("Expand", loudness(graph), graph.shape(HUGE // 4, 4))


ATTACKS = [
    expanded,
    expanded_constant,
    expanded_to_a_shape_of_the_sound,
    expanded_to_a_shape_of_shapes,
    tiled,
    padded,
    padded_constant,
    doubled,
    doubled_constant,
    multiplied,
    broadcast,
    chosen,
    gathered,
    upsampled,
    upsampled_by_padding,
    convolved_with_padding,
    many_channels,
    short_time,
    many_at_once,
    unfolded_while_loading,
    image_of_another_size,
]


def run(folders):
    """How each ended, and the peak memory in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, *folders], capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    *said, peak = done.stdout.splitlines()
    return said, int(peak) * 1024


def test_a_model_that_computes_plain_images_is_run(tmp_path):
    said, peak = run([written(tmp_path / "plain")])
    assert said == [f"image (1, {SIDE}, {SIDE}, 3)"]
    assert peak < 500 << 20


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_huge_tensors_are_refused_before_they_are_allocated(tmp_path, attack):
    folder = written(tmp_path / attack.__name__, attack)
    limit = memory_limit(read_metadata(folder), (folder / MODEL_FILE).stat().st_size)
    assert limit < 1 << 30
    said, peak = run([folder])
    assert len(said) == 1
    assert said[0].startswith("refused: the model at ")
    assert str(folder / MODEL_FILE) in said[0]
    assert peak < limit + (500 << 20)


def test_a_model_that_was_refused_spoils_no_other(tmp_path):
    folders = [written(tmp_path / "huge", tiled), written(tmp_path / "plain")]
    said, _ = run([*folders, *folders])
    assert [result.partition(" ")[0] for result in said] == ["refused:", "image"] * 2


def test_each_model_has_memory_of_its_own_size(tmp_path):
    """What is loaded later, with less, takes nothing from what is loaded already."""
    folder = written(tmp_path / "plain")
    first, second = (OnnxModel(folder, read_metadata(folder)) for _ in range(2))
    sound, label = np.zeros([16, SAMPLES], np.float32), np.ones([16, 2], np.float32)
    for model in (first, second, first):
        assert model.generate_soft_labels(sound, label)["image"].shape == (16, SIDE, SIDE, 3)
