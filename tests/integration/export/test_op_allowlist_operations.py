import shutil
from functools import partial

import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from cargan_tf.errors import UserError
from cargan_tf.export.op_allowlist import check_ops
from cargan_tf.inference.generator import Generator
from cargan_tf.serving.server.served_model import ServedModel


class Program(tf.Module):
    """A module whose graph does what it is told to when it is called."""

    def __init__(self, act, *needed):
        super().__init__()
        self.act = act
        self.needed = needed  # what the graph refers to must be saved along
        self.weight = tf.Variable([1.0, 2.0])

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def __call__(self, x):
        self.act()
        return x * self.weight


def saved(act, folder, *needed):
    tf.saved_model.save(Program(act, *needed), str(folder))
    return folder


def test_what_is_exported_passes(version):
    assert check_ops(version).meta_graphs


def test_a_plain_model_passes(tmp_path):
    assert check_ops(saved(lambda: None, tmp_path)).meta_graphs


def table_of_a_file(file):
    """Its initializer runs at loading."""
    whole, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    text = tf.lookup.TextFileInitializer(str(file), tf.string, whole, tf.int64, number)
    return tf.lookup.StaticHashTable(text, 0)


ACTS = {
    "WriteFile": lambda file: partial(tf.io.write_file, str(file), "let in"),
    "ReadFile": lambda file: partial(tf.io.read_file, str(file)),
    "MatchingFiles": lambda file: partial(tf.io.matching_files, str(file)),
    "PrintV2": lambda file: partial(tf.print, "a", output_stream=f"file://{file}"),
    "SaveV2": lambda file: partial(
        tf.raw_ops.SaveV2,
        prefix=str(file),
        tensor_names=["a"],
        shape_and_slices=[""],
        tensors=[tf.zeros([1])],
    ),
    "ImmutableConst": lambda file: partial(
        tf.raw_ops.ImmutableConst, dtype=tf.uint8, shape=[1], memory_region_name=str(file)
    ),
    "Abort": lambda file: tf.raw_ops.Abort,
    "EagerPyFunc": lambda file: partial(tf.py_function, lambda: None, [], []),
}


@pytest.mark.parametrize("name", ACTS)
def test_what_reaches_out_is_refused_by_name(name, tmp_path):
    file = tmp_path / "file"
    file.write_text("a")
    model = saved(ACTS[name](file), tmp_path / "model")
    with pytest.raises(UserError, match=rf"is refused: its graph holds {name} \(in __inference"):
        check_ops(model)


def test_what_would_run_at_loading_is_refused_before_it_runs(version, tmp_path):
    """By whoever loads models: the Python API and the server."""
    words = tmp_path / "words.txt"
    words.write_text("a\n")
    stranger = shutil.copytree(version, tmp_path / "model" / "1")
    table = table_of_a_file(words)
    saved(lambda: table.lookup(tf.constant("a")), tmp_path / "other", table)
    shutil.copy(tmp_path / "other" / "saved_model.pb", stranger)
    by_tensorflow = partial(Generator.load, backend="tensorflow")
    for load in (by_tensorflow, partial(ServedModel.load, name="cargan")):
        with pytest.raises(UserError, match="is refused: its graph holds InitializeTableFromTextF"):
            load(stranger)


class Disguised(tf.Module):
    """Writes a file by a function that is called as TensorFlow's own is; a path is given to it, but
    it has one of its own."""

    def __init__(self, file):
        super().__init__()
        self.file = str(file)

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def _traced_save(self, path):
        tf.raw_ops.SaveV2(
            prefix=self.file, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.zeros([1])]
        )
        return path

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def __call__(self, x):
        self._traced_save(tf.constant("nowhere"))
        return x


def test_a_function_that_is_called_as_tensorflows_own_may_not_save(tmp_path):
    tf.saved_model.save(Disguised(tmp_path / "let in"), str(tmp_path / "model"))
    with pytest.raises(UserError, match="its graph holds SaveV2"):
        check_ops(tmp_path / "model")


def test_a_model_of_another_time_is_refused(version, tmp_path):
    """TensorFlow would load it by other rules, and run its outermost graph."""
    stranger = shutil.copytree(version, tmp_path / "1")
    saved_model = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    saved_model.meta_graphs[0].ClearField("object_graph_def")
    (stranger / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    with pytest.raises(UserError, match="no export"):
        check_ops(stranger)


def test_a_graph_in_pieces_is_refused_as_a_server_would_read_it_instead(version, tmp_path):
    stranger = shutil.copytree(version, tmp_path / "1")
    (stranger / "saved_model.cpb").write_bytes(b"")
    with pytest.raises(UserError, match=r"saved_model\.cpb is not read here"):
        check_ops(stranger)


@pytest.mark.parametrize("damage", [lambda content: content[:999], lambda content: b"\xff" * 99])
def test_a_damaged_graph_is_named(version, tmp_path, damage):
    stranger = shutil.copytree(version, tmp_path / "1")
    graph = stranger / "saved_model.pb"
    graph.write_bytes(damage(graph.read_bytes()))
    with pytest.raises(UserError, match="is damaged: export it again"):
        check_ops(stranger)
