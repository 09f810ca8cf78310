import gc
import shutil
import weakref

import pytest
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from cargan_tf.errors import UserError
from cargan_tf.export.op_allowlist import load_exported


@pytest.fixture
def version(tiny_model, tmp_path):
    return shutil.copytree(tiny_model / "1", tmp_path / "1")


def test_a_version_is_loaded_with_its_graph(version):
    loaded, saved = load_exported(version)
    assert set(loaded.signatures) <= set(saved.meta_graphs[0].signature_def)


def test_a_model_that_nobody_holds_is_not_kept(version):
    loaded, _ = load_exported(version)
    graphs = [weakref.ref(function.graph) for function in loaded.signatures.values()]
    del loaded
    gc.collect()
    assert graphs
    assert [graph() for graph in graphs] == [None] * len(graphs)


def _without_nodes(graph):
    del graph.object_graph_def.nodes[1:]


def _without_specifications(graph):
    for function in graph.object_graph_def.concrete_functions.values():
        function.ClearField("output_signature")


@pytest.mark.parametrize("damage", [_without_nodes, _without_specifications])
def test_whatever_tensorflow_makes_of_damage_is_one_line(version, damage):
    file = version / "saved_model.pb"
    saved = SavedModel.FromString(file.read_bytes())
    damage(saved.meta_graphs[0])
    file.write_bytes(saved.SerializeToString())
    with pytest.raises(UserError, match="is damaged: export it again"):
        load_exported(version)
