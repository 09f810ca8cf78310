"""An export whose weights are stored as float16."""

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import read_metadata
from cargan_tf.export.saved_model import export_model
from cargan_tf.training.run import Run


def test_float16_weights_take_half_the_space(version, halved):
    data = "variables/variables.data-00000-of-00001"
    assert (halved / data).stat().st_size < 0.6 * (version / data).stat().st_size
    # The graph holds casts, not a copy of what they make of the weights.
    graph = (halved / "saved_model.pb").stat().st_size
    assert graph < 1.2 * (version / "saved_model.pb").stat().st_size
    assert (read_metadata(version).weights, read_metadata(halved).weights) == ("float32", "float16")


def test_only_large_kernels_are_stored_as_float16(halved):
    stored = tf.train.load_checkpoint(str(halved / "variables" / "variables"))
    shapes, types = stored.get_variable_to_shape_map(), stored.get_variable_to_dtype_map()
    halves = [shapes[name] for name in shapes if types[name] == tf.float16]
    assert halves
    assert all(np.prod(shape) >= 2**12 for shape in halves)
    # All others are one vector.
    assert [len(shapes[name]) for name in shapes if types[name] == tf.float32] == [1]


def test_float16_weights_draw_the_same(loaded, loaded_halved, sounds):
    """Within a level of 255, but for one color in a thousand; each sound with each label."""
    waveforms, labels = (np.repeat(sounds[0], 3, 0), np.tile(sounds[1], 3))
    generated = [
        model.signatures["serving_default"](
            waveform=tf.constant(waveforms), label=tf.constant(labels)
        )
        for model in (loaded, loaded_halved)
    ]
    whole, half = (made["image"].numpy().astype(int) for made in generated)
    assert np.mean(np.abs(whole - half) > 1) < 0.001
    assert np.abs(whole - half).max() <= 3
    assert whole.std(0).max() > 1  # they are not all the same image
    np.testing.assert_allclose(
        generated[0]["label_scores"], generated[1]["label_scores"], atol=0.01
    )


def test_a_run_whose_images_change_is_not_exported(tiny_run, tmp_path, monkeypatch):
    def refuse(whole, halved, metadata):
        assert metadata.weights == "float16"
        raise UserError("with float16 weights a color differs")

    monkeypatch.setattr("cargan_tf.export.saved_model.check_same_images", refuse)
    with pytest.raises(UserError, match="a color differs"):
        export_model(Run(tiny_run), tmp_path / "model", "float16")
    assert not (tmp_path / "model").exists()
