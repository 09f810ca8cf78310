"""Sounds for the exported model, and a server of an invented one that costs nothing."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorflow.core.framework import op_def_pb2
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from cargan_tf.audio.normalization import BandStatistics
from cargan_tf.evaluation.report import (
    COARSE,
    FOLDER,
    FORMAT,
    REFINED,
    REPORT_FILE,
    MetricValue,
    Provenance,
    Report,
    Row,
    SplitReport,
)
from cargan_tf.evaluation.report import (
    Limits as EvaluationLimits,
)
from cargan_tf.export.metadata import ModelMetadata
from cargan_tf.export.saved_model import export_model
from cargan_tf.export.serving_module import MetadataTable
from cargan_tf.serving.server.limits import Limits
from cargan_tf.serving.server.serve import Endpoint, Server, bound
from cargan_tf.serving.server.served_model import ServedModel
from cargan_tf.serving.server.service import Service
from cargan_tf.training.run import Run
from cargan_tf.utils.files import write_json


@pytest.fixture(scope="session")
def version(tiny_model):
    """The folder of the exported model's one version."""
    return tiny_model / "1"


@pytest.fixture(scope="session")
def loaded(version):
    return tf.saved_model.load(str(version))


@pytest.fixture(scope="session")
def sounds(tiny_source):
    """[3, samples] float32, and an instrument each, of recordings the model was not trained on."""
    labels = ("cello", "flute", "violin")
    files = [tiny_source / f"{label}_1_test_0.wav" for label in labels]
    waveforms = [soundfile.read(file, dtype="float32")[0] for file in files]
    return np.stack(waveforms), np.array(labels)


@pytest.fixture(scope="session")
def write_report():
    """Writes a run's evaluation: ``write_report(run, step=6, fid=3.5)``; returns the file."""

    def write(run, step, **values):
        refined = {name: MetricValue(value, images=12) for name, value in values.items()}
        coarse = {name: MetricValue(value + 1, images=12) for name, value in values.items()}
        rows = (Row(REFINED, refined), Row(COARSE, coarse))
        split = SplitReport("test", 12, 12, rows, subsets={}, confusions=(), examples=())
        texts = ["run", "tiny", "c", "step", "k", step, "data", "d", "d"]
        made = {
            "features": "",
            "limits": EvaluationLimits(),
            "versions": {},
            "date": "2026-01-02T03:04:05Z",
        }
        origin = Provenance(*texts, compared={}, **made)
        report = Report(FORMAT, origin, ("cello",), (), (), (split,), ())
        write_json(run / FOLDER / REPORT_FILE, report.to_json())
        return run / FOLDER / REPORT_FILE

    return write


def graph_of(version):
    """Of an exported version."""
    saved = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    (meta_graph,) = saved.meta_graphs
    return meta_graph


def operations_used(meta_graph):
    """Names of the operations of a graph and its functions, but for the functions' own."""
    graph = meta_graph.graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return {node.op for node in nodes} - {f.signature.name for f in graph.library.function}


@pytest.fixture(scope="session")
def load_model(tmp_path_factory):
    """Runs the C program, which loads a model as TensorFlow Serving does."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    program = tmp_path_factory.mktemp("c") / "load_model"
    library = tf.sysconfig.get_lib()
    build = [
        "gcc",
        str(Path(__file__).with_name("load_model.c")),
        f"-I{tf.sysconfig.get_include()}",
        *(f"{library}/libtensorflow_{part}.so.2" for part in ("cc", "framework")),
        f"-Wl,-rpath,{library}",
        *("-o", str(program)),
    ]
    built = subprocess.run(build, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr

    def run(*words):
        return subprocess.run([program, *map(str, words)], capture_output=True, text=True)

    return run


@pytest.fixture
def drawn_by_c(load_model, tmp_path):
    """Calls a signature from C: ``drawn_by_c(version, "coarse", sound, "cello", "residue")``."""

    def run(version, signature, sound, label, output):
        described = graph_of(version).signature_def[signature]
        sound_name = next(name for name in described.inputs if name != "label")
        name, index = described.outputs[output].name.split(":")
        words = [
            *("run", version, described.inputs[sound_name].name.removesuffix(":0"), sound),
            *(described.inputs["label"].name.removesuffix(":0"), label, name, index),
        ]
        done = load_model(*words, tmp_path / "drawn")
        return done, (tmp_path / "drawn").read_bytes() if done.returncode == 0 else b""

    return run


@pytest.fixture(scope="session")
def plain_operations(load_model, tmp_path_factory):
    """Names, as a process without Python, and so without tensorflow-io, lists them."""
    listed = tmp_path_factory.mktemp("operations") / "operations"
    assert load_model("operations", listed).returncode == 0
    return {operation.name for operation in op_def_pb2.OpList.FromString(listed.read_bytes()).op}


LABELS = ("cello", "flute")


class _Invented:
    """In the place of a SavedModel: the image is one value, ten times the sound's mean."""

    def __init__(self, metadata):
        self.seconds = 0.0  # that a drawing takes
        self.runs = []  # (signature, rows) of each
        self.signatures = {
            "serving_default": self._draw,
            "soft_labels": self._draw_weighted,
            "metadata": tf.function(MetadataTable(metadata).lookup),
            "broken": self._break,
        }

    def _draw(self, waveform, label):
        self.runs.append(("serving_default", len(waveform)))
        time.sleep(self.seconds)
        if any(name not in (b"cello", b"flute") for name in label.numpy()):
            text = (
                "assertion failed: [unknown label. Known labels: cello, flute.]\n\t [[{{node A}}]]"
            )
            raise tf.errors.InvalidArgumentError(None, None, text)
        value = tf.cast(tf.round(10 * tf.reduce_mean(tf.abs(waveform), axis=1)), tf.uint8)
        image = tf.tile(value[:, None, None, None], [1, 2, 2, 3])
        return {"image": image, "png_bytes": tf.io.encode_png(image)}

    def _draw_weighted(self, waveform, label_weights):
        image = self._draw(waveform, tf.gather(LABELS, tf.argmax(label_weights, 1)))["image"]
        spectrogram, residue = tf.zeros([len(image), 2, 2, 1]), tf.zeros_like(label_weights)
        return {"image": image, "coarse": image, "residue": residue, "spectrogram": spectrogram}

    def _break(self, label):
        raise RuntimeError("/home/somebody/secret.py broke")


def _signature(**inputs):
    made = SignatureDef()
    for name, (dtype, rank) in inputs.items():
        info = made.inputs[name]
        info.dtype = dtype.as_datatype_enum
        for _ in range(rank):
            info.tensor_shape.dim.add(size=-1)
    return made


@pytest.fixture(scope="session")
def invented_card(tiny_config):
    statistics = BandStatistics(mean=(0.0,) * 16, std=(1.0,) * 16)
    return ModelMetadata(tiny_config, LABELS, statistics, 6, "0a1b")


@pytest.fixture
def invented(invented_card):
    """A model that draws at once, and as slowly as it is told to."""
    signatures = {
        "serving_default": _signature(waveform=(tf.float32, 2), label=(tf.string, 1)),
        "soft_labels": _signature(waveform=(tf.float32, 2), label_weights=(tf.float32, 2)),
        "metadata": _signature(part=(tf.string, 1)),
        "broken": _signature(label=(tf.string, 1)),
    }
    return ServedModel("cargan", 3, _Invented(invented_card), signatures, "tiny", LABELS)


class Running:
    """A server of the invented model in a thread."""

    def __init__(self, model, limits):
        endpoint = Endpoint(rest_port=0, grpc_port=0)
        conditioning = threading.Event()
        self.model, self.said = model._loaded, []
        self.service = Service(model, limits)

        class Reporter:
            def message(_, text):
                self.said.append(text)
                if "labels" in text:
                    conditioning.set()

        self.server = Server(self.service, bound(endpoint.host, 0), endpoint, Reporter())
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        assert conditioning.wait(30)
        self.rest, self.grpc = (f"127.0.0.1:{port}" for port in self.server.ports)

    @property
    def url(self):
        return f"http://{self.rest}/v1/models/cargan"

    def stop(self):
        self.server.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def start(invented):
    """Starts servers: ``start(requests=2, seconds=0.5)`` with limits of their own."""
    started = []

    def run(**limits):
        started.append(Running(invented, Limits(**{"seconds": 20.0, **limits})))
        return started[-1]

    yield run
    for running in started:
        running.stop()


@pytest.fixture
def server(start):
    return start()


@pytest.fixture(scope="session")
def halved(tiny_run, tmp_path_factory):
    """The folder of a version whose weights are stored as float16.

    So narrow a network after six steps enlarges rounding errors: it needs a third level of 255,
    where the quickstart's model stays within one (docs/how-to/serving.md).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cargan_tf.export.saved_model.LEVELS", 3)
        return export_model(Run(tiny_run), tmp_path_factory.mktemp("halved"), "float16")


@pytest.fixture(scope="session")
def loaded_halved(halved):
    return tf.saved_model.load(str(halved))
