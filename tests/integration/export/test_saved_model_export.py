import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.serving import graph_of

from cargan_tf.export.metadata import read_metadata
from cargan_tf.export.saved_model import serving_module_of_run
from cargan_tf.training.run import Run


@pytest.fixture(scope="module")
def meta_graph(version):
    return graph_of(version)


WAVEFORM, TEXTS = (tf.float32, [-1, -1]), (tf.string, [-1])


IMAGE, SCORES = (tf.uint8, [-1, 64, 64, 3]), (tf.float32, [-1, 3])


SPECTROGRAM = (tf.float32, [-1, 64, 64, 1])


DRAWN = {"image": IMAGE, "png_bytes": TEXTS, "label_scores": SCORES}


SIGNATURES = {
    "serving_default": ({"waveform": WAVEFORM, "label": TEXTS}, DRAWN),
    "serving_wav": ({"wav_bytes": TEXTS, "label": TEXTS}, DRAWN),
    "coarse": (
        {"waveform": WAVEFORM, "label": TEXTS},
        {"coarse": IMAGE, "refined": IMAGE, "residue": SCORES},
    ),
    "soft_labels": (
        {"waveform": WAVEFORM, "label_weights": SCORES},
        {"image": IMAGE, "coarse": IMAGE, "residue": SCORES, "spectrogram": SPECTROGRAM},
    ),
    "recognize": (
        {"waveform": WAVEFORM},
        {"label_probabilities": SCORES, "none_probability": (tf.float32, [-1])},
    ),
    "metadata": ({"part": TEXTS}, {"json": TEXTS}),
}


def test_the_signatures_are_these_and_no_other(meta_graph):
    def described(tensors):
        return {
            name: (tf.as_dtype(t.dtype), [dim.size for dim in t.tensor_shape.dim])
            for name, t in tensors.items()
        }

    found = {
        name: (described(signature.inputs), described(signature.outputs))
        for name, signature in meta_graph.signature_def.items()
        if name != "__saved_model_init_op"
    }
    assert found == SIGNATURES


def test_a_model_serves_soft_labels_and_recognizes(loaded, sounds):
    waveforms, _ = sounds
    weights = np.array([[0.5, 0, 0.5], [0, 1, 0], [1, 0, 0]], np.float32)
    served = loaded.signatures["soft_labels"](
        waveform=tf.constant(waveforms), label_weights=tf.constant(weights)
    )
    assert served["image"].shape == (3, 64, 64, 3)
    assert served["residue"].shape == (3, 3)
    heard = loaded.signatures["recognize"](waveform=tf.constant(waveforms))
    total = heard["label_probabilities"].numpy().sum(1) + heard["none_probability"].numpy()
    np.testing.assert_allclose(total, 1, atol=1e-5)


def test_the_networks_stand_in_the_file_once(meta_graph):
    """Signatures share a function; a copy for each would make four times the graph."""
    drawing = [
        function.signature.name
        for function in meta_graph.graph_def.library.function
        if any(node.op == "Tanh" for node in function.node_def)  # the end of a generator
    ]
    assert len(drawing) == 1


def test_the_card_travels_with_the_model(version, tiny_run):
    info, metadata = Run(tiny_run).read_info(), read_metadata(version)
    assert (metadata.labels, metadata.statistics, metadata.config) == (
        info.labels,
        info.statistics,
        info.config,
    )
    assert (metadata.step, metadata.data_hash, metadata.metrics) == (6, info.data_hash, None)


def test_the_card_has_the_hash_of_every_other_file(version):
    hashes = json.loads((version / "model.json").read_text())["hashes"]
    files = {str(file.relative_to(version)) for file in version.rglob("*") if file.is_file()}
    assert set(hashes) == files - {"model.json"}
    for name, expected in hashes.items():
        assert hashlib.sha256((version / name).read_bytes()).hexdigest() == expected


def test_the_figures_of_an_evaluation_are_on_the_card(tiny_run, tmp_path, write_report):
    run = Run(Path(shutil.copytree(tiny_run, tmp_path / "run")))
    write_report(run.path, step=6, fid=3.5)
    assert serving_module_of_run(run)[1].metrics == {"test": {"fid": 3.5}}
