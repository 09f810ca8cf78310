import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.serving import graph_of, operations_used


@pytest.fixture(scope="module")
def outputs(loaded, sounds):
    """What Python makes of the second sound, by signature and name."""
    waveforms, labels = sounds
    waveform, label = tf.constant(waveforms[1:2]), tf.constant(labels[1:2])
    made = {
        "serving_default": loaded.signatures["serving_default"](waveform=waveform, label=label),
        "serving_wav": loaded.signatures["serving_wav"](wav_bytes=wav(waveforms[1]), label=label),
        "coarse": loaded.signatures["coarse"](waveform=waveform, label=label),
    }
    return {
        signature: {name: value.numpy()[0] for name, value in values.items()}
        for signature, values in made.items()
    }


def wav(waveform):
    """[1], the sound as a WAV file of 16-bit PCM."""
    return tf.audio.encode_wav(waveform[:, None], 8_000)[None]


@pytest.fixture(scope="module")
def meta_graph(version):
    return graph_of(version)


@pytest.mark.slow
def test_saved_model_cli_draws_the_same(version, sounds, outputs, tmp_path):
    waveforms, labels = sounds
    np.save(tmp_path / "waveform.npy", waveforms[1:2])
    command = [
        str(Path(sys.executable).with_name("saved_model_cli")),
        *("run", "--dir", str(version), "--tag_set", "serve"),
        *("--signature_def", "serving_default", "--outdir", str(tmp_path)),
        *("--inputs", f"waveform={tmp_path / 'waveform.npy'}"),
        *("--input_exprs", f"label={labels[1:2].tolist()}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = outputs["serving_default"]
    np.testing.assert_array_equal(np.load(tmp_path / "image.npy")[0], expected["image"])
    scores = np.load(tmp_path / "label_scores.npy")[0]
    np.testing.assert_allclose(scores, expected["label_scores"], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signature", "output"),
    [
        ("serving_default", "image"),
        ("serving_default", "png_bytes"),
        ("serving_wav", "image"),
        ("coarse", "residue"),
    ],
)
def test_a_c_program_draws_the_same_byte_for_byte(
    drawn_by_c, version, sounds, outputs, tmp_path, signature, output
):
    """TensorFlow Serving loads by the same C++ code; ``tf.saved_model.load`` does not."""
    sound = tmp_path / "clip.wav" if signature == "serving_wav" else tmp_path / "samples"
    waveform = sounds[0][1]
    sound.write_bytes(wav(waveform).numpy()[0] if sound.suffix else waveform.tobytes())
    done, generated = drawn_by_c(version, signature, sound, sounds[1][1], output)
    assert done.returncode == 0, done.stderr
    expected = outputs[signature][output]
    assert generated == (expected if isinstance(expected, bytes) else expected.tobytes())


@pytest.mark.slow
def test_a_c_program_is_told_of_an_unknown_label(drawn_by_c, version, sounds, tmp_path):
    (tmp_path / "samples").write_bytes(sounds[0][1].tobytes())
    done, _ = drawn_by_c(version, "serving_default", tmp_path / "samples", "kazoo", "image")
    assert done.returncode == 1
    assert "unknown label: kazoo. Known labels: cello, flute, violin." in done.stderr


@pytest.mark.slow
def test_only_operations_of_the_plain_build_are_used(plain_operations, meta_graph):
    used = operations_used(meta_graph)
    assert used <= plain_operations, used - plain_operations
    assert {"Conv2D", "RFFT", "DecodeRaw", "EncodePng", "LookupTableFindV2"} <= used
    # Registered, but nothing that a server without Python or a compiler could run.
    assert not [name for name in used if "PyFunc" in name or "Xla" in name]
