"""What is taken for an image generator, and what is refused before ONNX Runtime sees it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cargan_tf.export.onnx_allowlist import Refused, check_onnx

WEIGHTS = np.arange(6, dtype=np.float32).reshape(2, 3)


def model(*nodes, weights=None, **parts):
    """``y = x · w`` where no other ``nodes`` are given."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "graph",
        [value("x", TensorProto.FLOAT, ["batch", 2])],
        [value("y", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(WEIGHTS, "w")] if weights is None else [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], **parts)


def test_what_computes_passes_with_its_properties():
    made = model()
    helper.set_model_props(made, {"labels": "cello", "ünïcode": "♪"})
    assert check_onnx(made.SerializeToString()) == {"labels": "cello", "ünïcode": "♪"}


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float16, np.float64, np.int64, np.int32, np.uint8, bool]
)
def test_weights_of_every_type_that_is_exported_pass(dtype):
    weights = numpy_helper.from_array(np.ones([3, 4], dtype), "w")
    assert check_onnx(model(weights=weights).SerializeToString()) == {}


def test_weights_without_values_and_single_ones_pass():
    for array in (np.zeros([0, 3], np.float32), np.float32(1)):
        check_onnx(model(weights=numpy_helper.from_array(array, "w")).SerializeToString())


def test_each_operation_comes_after_those_it_takes_from():
    late = [
        helper.make_node("Expand", ["early", "w"], ["y"]),
        helper.make_node("Identity", ["w"], ["early"]),
    ]
    check_onnx(model(*reversed(late)).SerializeToString())
    with pytest.raises(Refused, match="not in their order"):
        check_onnx(model(*late).SerializeToString())


@pytest.mark.parametrize("taken", ["w", "x"])
def test_a_tensor_is_made_once(taken):
    with pytest.raises(Refused, match="make the same tensor"):
        check_onnx(model(helper.make_node("Identity", ["w"], [taken])).SerializeToString())


def test_tensors_of_many_dimensions_are_refused_at_once():
    weights = sized([1 << 62] * 100_000)
    with pytest.raises(Refused, match="a tensor of 100,000 dimensions"):
        check_onnx(model(weights=weights).SerializeToString())


def with_attribute(value, name="body"):
    node = helper.make_node("Identity", ["x"], ["y"])
    node.attribute.append(helper.make_attribute(name, value))
    return model(node)


def external(tensor):
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    return tensor


def sized(shape, dtype=TensorProto.FLOAT):
    return TensorProto(dims=shape, data_type=dtype, raw_data=b"\0" * 16, name="w")


def foreign_domain():
    made = model()
    made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return made


def with_function():
    made = model()
    opset = [helper.make_opsetid("", 17)]
    node = helper.make_node("Identity", ["a"], ["b"])
    made.functions.append(helper.make_function("own", "F", ["a"], ["b"], [node], opset))
    return made


def with_sparse_weights():
    made = model()
    made.graph.sparse_initializer.add().dims.append(1 << 40)
    return made


REFUSED = {
    "another file": (lambda: model(weights=external(numpy_helper.from_array(WEIGHTS, "w")))),
    "another file in a constant": (
        lambda: with_attribute(external(numpy_helper.from_array(WEIGHTS)), "value")
    ),
    "another library": lambda: model(
        helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    ),
    "another library imported": foreign_domain,
    "a loop": lambda: model(helper.make_node("Loop", ["x"], ["y"])),
    "a sequence": lambda: model(helper.make_node("SplitToSequence", ["x"], ["y"])),
    "random numbers": lambda: model(helper.make_node("RandomNormal", [], ["y"], shape=[2])),
    "a graph in an attribute": lambda: with_attribute(model().graph),
    "graphs in an attribute": lambda: with_attribute([model().graph]),
    "a function": with_function,
    "sparse weights": with_sparse_weights,
    "fewer bytes than it says": lambda: model(weights=sized([1 << 40])),
    "more bytes than it says": lambda: model(weights=sized([1])),
    "a negative shape": lambda: model(weights=sized([-4])),
    "text": lambda: model(weights=sized([4], TensorProto.STRING)),
    "values in another form": lambda: model(
        weights=TensorProto(dims=[1], data_type=1, float_data=[1.0], name="w")
    ),
}
REASONS = {
    "another file": "its weights are in another file",
    "another file in a constant": "its weights are in another file",
    "another library": "it needs operations of another library, com.microsoft",
    "another library imported": "it needs operations of another library, com.microsoft",
    "a loop": "it holds the operation Loop, which no model needs",
    "a sequence": "it holds the operation SplitToSequence",
    "random numbers": "it holds the operation RandomNormal",
    "a graph in an attribute": "more than one graph",
    "graphs in an attribute": "more than one graph",
    "a function": "more than one graph",
    "sparse weights": "sparse weights",
    "fewer bytes than it says": r"16 bytes cannot be a tensor of shape \[1099511627776\]",
    "more bytes than it says": "16 bytes cannot be a tensor of shape",
    "a negative shape": "16 bytes cannot be a tensor of shape",
    "text": "16 bytes cannot be a tensor of shape",
    "values in another form": "in a form that exports do not have",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_more_is_refused_with_its_reason(what):
    with pytest.raises(Refused, match=REASONS[what]):
        check_onnx(REFUSED[what]().SerializeToString())


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF\x24\0\0\0WAVEfmt ", b"{}", b"\xff" * 100, b"\x3a\xff\xff\xff\xff\x7f", b"\x3a"],
)
def test_what_is_no_onnx_file_is_refused(content):
    with pytest.raises(Refused, match=r"no ONNX file|cannot be a tensor"):
        check_onnx(content)


def test_every_beginning_of_a_file_is_refused_or_another_valid_one():
    """A file cut short is no file; never another error."""
    content = model().SerializeToString()
    assert len(content) < 500
    passed = 0
    for length in range(len(content)):
        try:
            check_onnx(content[:length])
        except Refused:
            continue
        # Only the fields after the graph may be missing.
        assert onnx.load_from_string(content[:length]).graph == model().graph
        passed += 1
    assert passed <= 2


def test_bytes_changed_by_chance_never_cause_another_error():
    content = model().SerializeToString()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        damaged = bytearray(content)
        for position in random.integers(0, len(content), 3):
            damaged[position] = random.integers(0, 256)
        try:
            check_onnx(bytes(damaged))
        except Refused:
            refused += 1
    assert refused > 200
