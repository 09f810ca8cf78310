import os
import shutil

import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.export.trained_networks import read_initial_weights


@pytest.mark.parametrize("folder", ["tiny_model", "tiny_run"])
def test_a_run_and_its_export_have_the_weights_to_start_from(folder, trained, request):
    initial = read_initial_weights(request.getfixturevalue(folder))
    assert initial.labels == trained.dataset.labels
    assert (initial.discriminator is None) == (folder == "tiny_model")
    for generator, expected in zip(
        initial.cascade.generators, trained.cascade.generators, strict=True
    ):
        for ours, theirs in zip(generator.variables, expected.variables, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-3, atol=1e-6)


def test_weights_are_not_taken_through_a_pipe(tiny_model, tmp_path):
    version = shutil.copytree(tiny_model, tmp_path / "model") / "1"
    (data,) = version.glob("variables/*.data-*")
    data.unlink()
    os.mkfifo(data)
    with pytest.raises(UserError, match="is not a regular file"):
        read_initial_weights(version.parent)
