"""The graph's log-mel is librosa's within 1e-3 dB, also once saved and loaded again."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.audio.log_mel import log_mel, mel_filter_bank
from cargan_tf.audio.log_mel_graph import LogMelGraph
from cargan_tf.config import AudioConfig

TOLERANCE_DB = 1e-3

CONFIGS = {
    "44100": AudioConfig(),
    "22050": AudioConfig(sample_rate=22_050),
    "22050 small": AudioConfig(sample_rate=22_050, n_fft=512, hop_length=128, n_mels=40),
    "44100 large": AudioConfig(n_fft=4096, hop_length=1024, n_mels=256, f_min=40.0),
    "16000 odd sizes": AudioConfig(
        sample_rate=16_000, n_fft=1000, hop_length=333, n_mels=61, f_max=7_000.0, floor_db=-120.0
    ),
    "scaled by clip": AudioConfig(n_fft=512, hop_length=173, n_mels=34, log_mel_scale="clip"),
    "window longer than the clip": AudioConfig(sample_rate=8_000, clip_seconds=0.1, n_mels=20),
}


def signals(samples, sample_rate):
    """name -> [samples] float32, the awkward ones included."""
    rng = np.random.default_rng(0)
    time = np.arange(samples) / sample_rate
    tone = np.sin(2 * np.pi * 440 * time)
    harmonics = sum(0.3 / k * np.sin(2 * np.pi * 440 * k * time + k) for k in range(1, 12))
    click, end_click = np.zeros((2, samples))
    click[samples // 2], end_click[-1] = 0.9, 1.0
    made = {
        "noise": 0.1 * rng.normal(size=samples),
        "tone": 0.5 * tone,
        "harmonics": harmonics * np.exp(-3 * time) + 1e-4 * rng.normal(size=samples),
        "chirp": 0.5 * np.sin(2 * np.pi * (100 + 4000 * time) * time),
        "click": click,
        "click at the end": end_click,
        "digital silence": np.zeros(samples),
        "full-scale square": np.sign(tone),
        "constant": np.full(samples, 0.7),
        "tiny tone": 1e-5 * tone,
        "tiny noise": 1e-6 * rng.normal(size=samples),
        "last bit of 16": np.round(1.2 * tone) / 32_768,
        "overdriven": 100 * tone,
    }
    return {name: signal.astype(np.float32) for name, signal in made.items()}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.filterwarnings("ignore:n_fft=.* is too large", "ignore:Empty filters")
def test_parity_with_librosa(name):
    audio = CONFIGS[name]
    made = signals(audio.clip_samples, audio.sample_rate)
    waveforms = np.stack(list(made.values()))
    graph = LogMelGraph(audio)(tf.constant(waveforms))
    assert graph.dtype == tf.float32
    assert graph.shape == (len(made), audio.n_mels, audio.frames)
    difference = np.abs(graph.numpy() - log_mel(waveforms, audio)).max(axis=(1, 2))
    assert not {s: d for s, d in zip(made, difference, strict=True) if not d <= TOLERANCE_DB}


def test_in_a_function_with_unknown_sizes():
    audio = AudioConfig()
    function = tf.function(
        LogMelGraph(audio), input_signature=[tf.TensorSpec([None, None], tf.float32)]
    )
    rng = np.random.default_rng(0)
    for shape in [(1, 22_050), (3, 22_050), (2, 30_000), (0, 22_050)]:
        waveforms = rng.normal(size=shape).astype(np.float32)
        result = function(waveforms).numpy()
        assert result.shape == (shape[0], 128, 1 + shape[1] // 512)
        if shape[0]:
            np.testing.assert_allclose(result, log_mel(waveforms, audio), atol=TOLERANCE_DB)


def test_saved_model_without_variables(tmp_path):
    audio = AudioConfig(sample_rate=22_050, n_mels=64)
    module = tf.Module()
    module.log_mel = LogMelGraph(audio)
    module.serve = tf.function(
        lambda waveforms: {"log_mel": module.log_mel(waveforms)},
        input_signature=[tf.TensorSpec([None, audio.clip_samples], tf.float32)],
    )
    tf.saved_model.save(module, tmp_path / "model", signatures={"serving_default": module.serve})
    loaded = tf.saved_model.load(tmp_path / "model").signatures["serving_default"]
    waveforms = np.random.default_rng(0).normal(size=(2, audio.clip_samples)).astype(np.float32)
    result = loaded(waveforms=tf.constant(waveforms))["log_mel"].numpy()
    np.testing.assert_allclose(result, log_mel(waveforms, audio), atol=TOLERANCE_DB)
    assert not loaded.variables
    kinds = {node.op for node in loaded.graph.as_graph_def().node}
    kinds |= {n.op for f in loaded.graph.as_graph_def().library.function for n in f.node_def}
    assert not {kind for kind in kinds if "PyFunc" in kind or "Variable" in kind}


def test_a_filter_bank_that_is_given():
    audio = AudioConfig(n_mels=64)
    waveforms = tf.random.normal([1, audio.clip_samples], seed=0)
    given = LogMelGraph(audio, mel_filter_bank(audio))
    np.testing.assert_array_equal(given(waveforms), LogMelGraph(audio)(waveforms))
    with pytest.raises(ValueError, match=r"must be \(64, 1025\), received shape \(1025, 64\)"):
        LogMelGraph(audio, mel_filter_bank(audio).T)
