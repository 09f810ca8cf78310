"""An export whose weights are stored as float16."""

import pytest
import tensorflow as tf

from cargan_tf.export.saved_model import export_run
from cargan_tf.training.run import Run


@pytest.fixture(scope="module")
def halved(tiny_run, tmp_path_factory):
    """The folder of a version whose weights are stored as float16.

    So narrow a network after six steps enlarges rounding errors: it needs a third level of 255,
    where the quickstart's model stays within one (docs/how-to/serving.md).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cargan_tf.export.saved_model.LEVELS", 3)
        return export_run(Run(tiny_run), tmp_path_factory.mktemp("halved"), "float16")


@pytest.fixture(scope="module")
def loaded_halved(halved):
    return tf.saved_model.load(str(halved))


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
