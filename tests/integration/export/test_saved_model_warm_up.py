import numpy as np
import tensorflow as tf

from cargan_tf.export.saved_model import BATCHES, read_warm_up


def test_each_request_is_answered_by_its_signature(version):
    """As TensorFlow Serving plays them when it loads the version."""
    loaded = tf.saved_model.load(str(version))
    sizes = []
    for request in read_warm_up(version):
        name = request.model_spec.signature_name
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        outputs = loaded.signatures[name](**inputs)
        (count,) = {len(values) for values in inputs.values()}
        assert {len(output) for output in outputs.values()} == {count}
        sizes.append((name, count))
    played = set(loaded.signatures) - {"metadata"}
    assert sorted(sizes) == sorted((name, count) for name in played for count in BATCHES)


def test_the_file_is_small(version):
    assert (version / "assets.extra" / "tf_serving_warmup_requests").stat().st_size < 10_000


def test_a_version_without_requests_has_none(tmp_path):
    assert list(read_warm_up(tmp_path)) == []


def test_the_sound_is_silence(version):
    waveforms = [
        tf.make_ndarray(request.inputs["waveform"])
        for request in read_warm_up(version)
        if "waveform" in request.inputs
    ]
    assert waveforms
    assert not any(np.any(waveform) for waveform in waveforms)
