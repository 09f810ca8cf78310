"""Models that a stranger made to do more than compute, each with its refusal.

Each is a plain model that TensorFlow saved, changed by hand as an attacker would. Where an attack
runs at loading, a test shows that TensorFlow's own loader falls for it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.types_pb2 import DT_VARIANT
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.core.protobuf.saved_object_graph_pb2 import SavedObject

from cargan_tf.errors import UserError
from cargan_tf.export import op_allowlist
from cargan_tf.export.op_allowlist import load_exported

#: How TensorFlow calls the functions by which a model is restored and saved.
LOOK_ALIKES = ("__inference__traced_restore_9999", "__inference__traced_save_9999")


class Doubling(tf.Module):
    def __init__(self):
        super().__init__()
        self.factor = tf.Variable([2.0, 2.0])

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def __call__(self, x):
        return x * self.factor


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    tf.saved_model.save(Doubling(), str(folder))
    return folder


@dataclass
class Model:
    """A copy of the plain model, to be changed."""

    folder: Path
    victim: Path  # outside of the model's folder

    def __post_init__(self):
        self.file = SavedModel.FromString((self.folder / "saved_model.pb").read_bytes())

    @property
    def meta(self) -> MetaGraphDef:
        return self.file.meta_graphs[0]

    @property
    def objects(self):
        return self.meta.object_graph_def.nodes

    def write(self) -> Path:
        (self.folder / "saved_model.pb").write_bytes(self.file.SerializeToString())
        return self.folder

    def add_function(self, act: Callable, name: str) -> FunctionDef:
        """Put what ``act`` does into the library under ``name``."""
        function = self.meta.graph_def.library.function.add()
        function.CopyFrom(tf.function(act).get_concrete_function().function_def)
        function.signature.name = name
        return function

    def add_object(self, **kind) -> int:
        self.objects.append(SavedObject(**kind))
        return len(self.objects) - 1

    def add_child(self, parent: int, name: str, child: int) -> None:
        self.objects[parent].children.add(node_id=child, local_name=name)

    def call_at_loading(self, function: str, as_child: str = "_initialize") -> None:
        """As TensorFlow initializes tables; the function stands in no list of functions."""
        table = self.add_object(resource={})
        named = {"concrete_function_name": function}
        self.add_child(table, as_child, self.add_object(bare_concrete_function=named))
        if as_child != "_create_resource":
            self.add_function(nothing, "made")
            made = {"concrete_function_name": "made"}
            child = self.add_object(bare_concrete_function=made)
            self.add_child(table, "_create_resource", child)
        self.add_child(0, "table", table)

    def call_in_signature(self, function: str) -> None:
        """Whoever calls the model calls the function; what it returns is not needed."""
        (body,) = (
            called
            for called in self.meta.graph_def.library.function
            if "__call__" in called.signature.name
        )
        call = body.node_def.add(name="hidden", op="StatefulPartitionedCall")
        call.attr["f"].func.name = function
        call.attr["Tin"].list.SetInParent()
        call.attr["Tout"].list.SetInParent()


@pytest.fixture
def model(plain, tmp_path) -> Model:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    for file in plain.rglob("*"):
        if file.is_file():
            (folder / file.relative_to(plain)).write_bytes(file.read_bytes())
    return Model(folder, tmp_path / "elsewhere" / "victim")


def refused(model: Model, reason: str) -> None:
    with pytest.raises(UserError, match=f"is refused: .*{reason}"):
        load_exported(model.write())


def nothing():
    pass


def save(prefix: Path):
    tf.raw_ops.SaveV2(
        prefix=str(prefix), tensor_names=["a"], shape_and_slices=[""], tensors=[tf.zeros([1])]
    )


def written(victim: Path) -> list[str]:
    return sorted(file.name for file in victim.parent.glob("*"))


def test_the_plain_model_loads_and_computes(model):
    loaded, _ = load_exported(model.write())
    assert loaded(tf.constant([1.0, 3.0])).numpy().tolist() == [2.0, 6.0]


# The two holes of version 0.1.0: both models passed its check.


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_function_with_the_name_of_tensorflows_own_does_not_write_a_file(model, name):
    model.add_function(partial(save, model.victim), name)
    model.call_at_loading(name)
    refused(model, rf"SaveV2 \(in {name}\)")
    assert written(model.victim) == []
    tf.saved_model.load(str(model.folder))  # the attack itself works
    assert written(model.victim) == ["victim.data-00000-of-00001", "victim.index"]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_function_with_the_name_of_tensorflows_own_does_not_move_a_checkpoint(model, name):
    checkpoint = model.victim.parent / "run" / "ckpt"
    tf.train.Checkpoint(weight=tf.Variable(1.0)).write(str(checkpoint))
    before = written(checkpoint)

    def move():
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=[str(checkpoint)],
            destination_prefix=str(model.victim),
            delete_old_dirs=True,
        )

    model.add_function(move, name)
    model.call_at_loading(name)
    refused(model, rf"MergeV2Checkpoints \(in {name}\)")
    assert written(checkpoint) == before
    tf.saved_model.load(str(model.folder))  # the attack itself works
    assert written(checkpoint) != before


# Other ways to the same operations.


@pytest.mark.parametrize("child", ["_initialize", "_create_resource", "_destroy_resource", "f"])
def test_whatever_an_object_names_is_looked_through(model, child):
    model.add_function(partial(save, model.victim), LOOK_ALIKES[0])
    model.call_at_loading(LOOK_ALIKES[0], as_child=child)
    refused(model, "SaveV2")
    assert written(model.victim) == []


def test_a_chain_of_calls_is_followed_to_its_end(model):
    model.add_function(partial(save, model.victim), LOOK_ALIKES[0])
    called = LOOK_ALIKES[0]
    for step in range(20):
        function = model.add_function(nothing, f"step_{step}")
        call = function.node_def.add(name="on", op=("PartitionedCall", called)[step % 2])
        if call.op == "PartitionedCall":
            call.attr["f"].func.name = called
        called = f"step_{step}"
    model.call_in_signature(called)
    refused(model, "SaveV2")


@pytest.mark.parametrize(
    "hide",
    [
        lambda attr, name: setattr(attr["body"].func, "name", name),
        lambda attr, name: attr["branches"].list.func.add(name=name),
        lambda attr, name: setattr(attr["f"].func.attr["g"].func, "name", name),
        lambda attr, name: attr["f"].func.attr["g"].list.func.add(name=name),
    ],
)
def test_a_function_in_any_attribute_is_followed(model, hide):
    model.add_function(partial(save, model.victim), LOOK_ALIKES[0])
    model.add_function(nothing, "harmless")
    node = model.add_function(nothing, "caller").node_def.add(name="n", op="NoOp")
    hide(node.attr, LOOK_ALIKES[0])
    for value in node.attr.values():
        if value.WhichOneof("value") == "func" and not value.func.name:
            value.func.name = "harmless"
    model.call_in_signature("caller")
    refused(model, "SaveV2")


def test_a_captured_function_is_looked_through(model):
    model.add_function(partial(save, model.victim), LOOK_ALIKES[0])
    captured = {"name": "x:0", "concrete_function": LOOK_ALIKES[0]}
    model.add_child(0, "captured", model.add_object(captured_tensor=captured))
    refused(model, "SaveV2")


def test_objects_that_restore_themselves_are_refused(model):
    model.add_function(nothing, "restore")
    named = {"concrete_function_name": "restore"}
    function = model.add_object(bare_concrete_function=named)
    saveable = model.objects[0].saveable_objects["a"]
    saveable.save_function = saveable.restore_function = function
    refused(model, "saves and restores itself")


def test_restoring_from_a_path_of_its_own_is_refused(model):
    def read():
        raw = tf.raw_ops.RestoreV2(
            prefix=str(model.victim), tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.float32]
        )
        return raw[0]

    model.add_function(read, LOOK_ALIKES[0])
    model.call_in_signature(LOOK_ALIKES[0])
    refused(model, "RestoreV2")


@pytest.mark.parametrize("operation", ["Relu", "AddV2", "SaveV2", "WriteFile", "_Arg", "NoOp"])
def test_a_function_may_not_take_the_place_of_an_operation(model, operation):
    model.add_function(nothing, operation)
    refused(model, f"a function called {operation}, as an operation of TensorFlow is")


def test_another_models_variables_are_out_of_reach(model):
    """By their name in the process, which a model could guess."""

    def grab():
        handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[2], shared_name="weight")
        return tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)

    model.add_function(grab, "grab")
    model.call_in_signature("grab")
    refused(model, "VarHandleOp")


def test_the_models_own_variables_are_not_assigned_by_requests(model):
    variable = tf.Variable([1.0])
    model.add_function(lambda: variable.assign([0.0]), "assign")
    model.call_in_signature("assign")
    refused(model, "AssignVariableOp")


def test_gradients_are_neither_trusted_nor_loaded(model):
    model.add_function(partial(save, model.victim), LOOK_ALIKES[0])
    library = model.meta.graph_def.library
    library.registered_gradients.add(registered_op_type="Mul", gradient_func=LOOK_ALIKES[0])
    library.gradient.add(function_name="Mul", gradient_func=LOOK_ALIKES[0])
    loaded, saved = load_exported(model.write())
    kept = saved.meta_graphs[0].graph_def.library
    assert not kept.registered_gradients
    assert not kept.gradient
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant([1.0, 1.0]))
        y = loaded(x)
    assert tape.gradient(y, x) is not None
    assert written(model.victim) == []


@pytest.mark.parametrize("where", ["function", "graph"])
def test_what_nothing_leads_to_is_looked_through_as_well(model, where):
    def write():
        tf.io.write_file(str(model.victim), "a")

    function = model.add_function(write, "never_called")
    if where == "graph":
        model.meta.graph_def.node.extend(function.node_def)
        del model.meta.graph_def.library.function[-1]
    refused(model, r"WriteFile \((in never_called|outside functions)\)")


def test_only_what_runs_is_given_to_tensorflow(model):
    model.add_function(partial(save, model.victim), LOOK_ALIKES[0])  # nothing leads to it
    model.meta.collection_def["saved_model_main_op"].node_list.value.append("initialize")
    _, saved = load_exported(model.write())
    kept = saved.meta_graphs[0]
    operations = {node.op for node in kept.graph_def.node} | {
        node.op for function in kept.graph_def.library.function for node in function.node_def
    }
    assert "Mul" in operations
    assert not operations & {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "VarHandleOp"}
    assert not kept.collection_def
    assert not kept.HasField("saver_def")


# Files and objects.


def test_assets_are_refused(model):
    """A path of another file would be put into the graph."""
    model.meta.asset_file_def.add(filename="../../../etc/passwd").tensor_info.name = "x:0"
    model.add_child(0, "asset", model.add_object(asset={"asset_file_def_index": 0}))
    refused(model, "assets")


@pytest.mark.parametrize(
    "kind",
    [
        {"user_object": {"identifier": "optimizer"}},
        {"user_object": {"identifier": "_tf_keras_model"}},
        {"user_object": {}, "registered_name": "Custom>Anything"},
        {"resource": {}, "registered_name": "tf.TrackableAsset"},
        {"asset": {}},
        {},
    ],
)
def test_foreign_objects_are_refused(model, kind):
    model.add_child(0, "foreign", model.add_object(**kind))
    refused(model, "an object that no export has|assets")


DATA = "variables/variables.data-00000-of-00001"


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", DATA])
def test_links_out_of_the_models_folder_are_refused(model, name):
    model.victim.parent.mkdir()
    (model.folder / name).rename(model.victim)
    (model.folder / name).symlink_to(model.victim)
    with pytest.raises(UserError, match=f"{name} is a link out of its folder"):
        load_exported(model.folder)


@pytest.mark.parametrize("name", ["saved_model.pb", "variables/variables.index", DATA])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_pipes_and_folders_are_refused_unread(model, name, make):
    (model.folder / name).unlink()
    make(model.folder / name)
    with pytest.raises(UserError, match=f"{name} is not a regular file"):
        load_exported(model.folder)


def test_devices_are_refused_unread(model):
    (model.folder / DATA).unlink()
    (model.folder / DATA).symlink_to("/dev/zero")
    with pytest.raises(UserError, match="a link out of its folder"):
        load_exported(model.folder)


def test_links_within_the_models_folder_are_followed(model):
    (model.folder / DATA).rename(model.folder / "stored")
    (model.folder / DATA).symlink_to(model.folder / "stored")
    assert load_exported(model.write())


def test_a_huge_graph_is_refused_unread(model):
    with (model.folder / "saved_model.pb").open("r+b") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(UserError, match=r"saved_model\.pb is larger than 256 MB"):
        load_exported(model.folder)


def test_two_functions_of_one_name_are_refused(model):
    model.add_function(nothing, "twice")
    model.add_function(partial(save, model.victim), "twice")
    refused(model, "two functions called twice")


def test_a_second_graph_is_refused(model):
    model.file.meta_graphs.add().CopyFrom(model.meta)
    refused(model, "no export")


# Sizes that a small file claims.


def test_functions_that_unfold_without_end_are_refused(model):
    """Forty functions, each calling the next one twice: 2^40 nodes where TensorFlow inlines."""
    model.add_function(nothing, "level_0")
    for level in range(1, 40):
        function = model.add_function(nothing, f"level_{level}")
        for call in ("left", "right"):
            node = function.node_def.add(name=call, op="PartitionedCall")
            node.attr["f"].func.name = f"level_{level - 1}"
    model.call_in_signature("level_39")
    refused(model, "unfolds to more than")


def test_functions_without_number_are_refused(model):
    function = model.add_function(nothing, "number_0")
    for number in range(1, 1_000):
        model.meta.graph_def.library.function.add().CopyFrom(function)
        model.meta.graph_def.library.function[-1].signature.name = f"number_{number}"
    refused(model, "more than 1,000 functions")


def test_a_function_that_calls_itself_is_refused(model):
    function = model.add_function(nothing, "around")
    function.node_def.add(name="n", op="PartitionedCall").attr["f"].func.name = "around"
    model.call_in_signature("around")
    refused(model, "calls itself")


@pytest.mark.parametrize("sizes", [[1 << 40], [1 << 20] * 8, [-1], [1 << 26, 2]])
def test_constants_that_claim_gigabytes_are_refused(model, sizes):
    function = model.add_function(lambda: tf.constant(1.5), "large")
    (constant,) = (node for node in function.node_def if node.op == "Const")
    for size in sizes:
        constant.attr["value"].tensor.tensor_shape.dim.add(size=size)
    model.call_in_signature("large")
    refused(model, "constants claim more than")


def test_constants_of_many_dimensions_are_refused_at_once(model):
    function = model.add_function(lambda: tf.constant(1.5), "deep")
    (constant,) = (node for node in function.node_def if node.op == "Const")
    for _ in range(100_000):
        constant.attr["value"].tensor.tensor_shape.dim.add(size=1 << 62)
    model.call_in_signature("deep")
    refused(model, "more than 254 dimensions")


def test_variables_that_claim_gigabytes_are_refused_though_their_file_is_as_long(
    model, monkeypatch
):
    monkeypatch.setattr(op_allowlist, "MAX_VARIABLE_BYTES", 3)
    with pytest.raises(UserError, match="variables claim more than"):
        load_exported(model.write())


def test_constants_of_variants_are_refused(model):
    """Their content is decoded by the code of any type that is registered."""
    function = model.add_function(lambda: tf.constant(1.5), "odd")
    function.node_def[0].attr["value"].tensor.dtype = DT_VARIANT
    model.call_in_signature("odd")
    refused(model, "holds no numbers")


def test_variables_larger_than_their_file_are_refused(model):
    data = model.folder / DATA
    data.write_bytes(data.read_bytes()[:4])
    with pytest.raises(UserError, match="is damaged: export it again") as caught:
        load_exported(model.folder)
    assert "variables claim" in str(caught.value.__cause__)
    assert "their files hold 4" in str(caught.value.__cause__)
