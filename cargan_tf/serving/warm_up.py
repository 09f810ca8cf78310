"""Requests that a server sends to itself before it takes others.

A graph's first run costs many times the later ones. TensorFlow Serving therefore plays what stands
in ``assets.extra/tf_serving_warmup_requests`` when it loads a version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from cargan_tf.serving.card import ModelCard

WARM_UP_FILE: Final = "assets.extra/tf_serving_warmup_requests"
"""Name and format (TFRecord of PredictionLog) are TensorFlow Serving's."""

BATCHES: Final = (1, 16)
"""A sound alone, and as many as a server puts together: kernels are chosen by size."""


def write_warm_up(version: Path, card: ModelCard, signatures: Collection[str]) -> None:
    """Write a request for each of ``signatures`` that draws, and each size of ``BATCHES``."""
    file = version / WARM_UP_FILE
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, inputs in _requests(card):
            if signature not in signatures:
                continue
            request = PredictRequest()
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            log = PredictionLog(predict_log=PredictLog(request=request))
            writer.write(log.SerializeToString())


def read_warm_up(version: Path) -> Iterator[PredictRequest]:
    """The requests of an exported version; none where it has no such file."""
    file = version / WARM_UP_FILE
    if file.is_file():
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            yield PredictionLog.FromString(record).predict_log.request


def _requests(card: ModelCard) -> Iterator[tuple[str, dict[str, tf.Tensor]]]:
    # One sample: silence follows it in the graph, so the networks are none the wiser.
    wav = tf.audio.encode_wav(tf.zeros([1, 1]), card.config.audio.sample_rate)
    for count in BATCHES:
        label = tf.fill([count], card.labels[0])
        waveform = tf.zeros([count, 1])
        yield "serving_default", {"waveform": waveform, "label": label}
        yield "serving_wav", {"wav_bytes": tf.fill([count], wav), "label": label}
        yield "coarse", {"waveform": waveform, "label": label}
        shares = tf.one_hot(tf.zeros([count], tf.int32), len(card.labels))
        yield "weighted", {"waveform": waveform, "label_weights": shares}
        yield "recognise", {"waveform": waveform}
