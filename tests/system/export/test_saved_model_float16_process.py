"""An export whose weights are stored as float16."""

import pytest
import tensorflow as tf


@pytest.mark.slow
def test_a_c_program_draws_with_float16_weights(
    drawn_by_c, halved, loaded_halved, sounds, tmp_path
):
    waveforms, labels = sounds
    (tmp_path / "samples").write_bytes(waveforms[1].tobytes())
    done, generated = drawn_by_c(
        halved, "serving_default", tmp_path / "samples", labels[1], "image"
    )
    assert done.returncode == 0, done.stderr
    one = {"waveform": tf.constant(waveforms[1:2]), "label": tf.constant(labels[1:2])}
    assert (
        generated == loaded_halved.signatures["serving_default"](**one)["image"].numpy().tobytes()
    )
