"""The log-mel as ONNX nodes against the one in NumPy, which librosa is the reference of."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from cargan_tf.audio.log_mel import log_mel
from cargan_tf.config import AudioConfig
from cargan_tf.export.onnx_log_mel import NodeBuilder, add_log_mel

#: Windows whose length is a square, a product of unequal factors, and twice a prime number; hops
#: that do and do not divide them, and one longer than the window, where samples are left out.
AUDIO = {
    "players-128": AudioConfig(sample_rate=22_050, hop_length=87),
    "paper": AudioConfig(),
    "square": AudioConfig(sample_rate=22_050, n_fft=1024, hop_length=256, n_mels=96, f_max=10_000),
    "unequal": AudioConfig(n_fft=1470, hop_length=441, floor_db=-60),
    "twice a prime": AudioConfig(n_fft=2042, hop_length=512),
    "by clip": AudioConfig(sample_rate=8_000, n_fft=512, n_mels=16, log_mel_scale="clip"),
    "long hop": AudioConfig(sample_rate=8_000, n_fft=200, hop_length=317, n_mels=16),
    "short": AudioConfig(sample_rate=8_000, clip_seconds=0.05, n_fft=64, hop_length=16, n_mels=4),
}


def computed(audio, waveforms):
    add = NodeBuilder("log_mel")
    add_log_mel(add, "waveform", audio, output="log_mel")
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        add.nodes,
        "log_mel",
        [value("waveform", TensorProto.FLOAT, ["batch", audio.clip_samples])],
        [value("log_mel", TensorProto.FLOAT, ["batch", audio.n_mels, audio.frames])],
        add.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"waveform": waveforms})[0]


@pytest.mark.parametrize("name", AUDIO)
@pytest.mark.parametrize("batch", [1, 3])
def test_it_equals_the_reference(name, batch):
    audio = AUDIO[name]
    random = np.random.default_rng(0)
    waveforms = random.normal(0, 0.2, (batch, audio.clip_samples)).astype(np.float32)
    waveforms[:, : audio.clip_samples // 2] *= 1e-4  # near the floor, where precision counts
    found, expected = computed(audio, waveforms), log_mel(waveforms, audio)
    assert found.shape == (batch, audio.n_mels, audio.frames)
    assert expected.std() > 0
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_pure_tone_over_digital_silence_leaves_the_other_bands_at_the_floor():
    """In float32 the transform's round-off would lift them by several dB."""
    audio = AUDIO["players-128"]
    times = np.arange(audio.clip_samples) / audio.sample_rate
    tone = np.sin(2 * np.pi * 440 * times).astype(np.float32)[None]
    found = computed(audio, tone)
    assert found.max() > 30
    np.testing.assert_allclose(found, log_mel(tone, audio), atol=2e-5)


def test_silence_is_the_floor_everywhere():
    audio = AUDIO["paper"]
    silence = np.zeros([1, audio.clip_samples], np.float32)
    assert (computed(audio, silence) == np.float32(audio.floor_db)).all()
