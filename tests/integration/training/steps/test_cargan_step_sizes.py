import numpy as np
import pytest
from helpers.training import on_replicas

from cargan_tf.config import override

TINY = (
    *("model.generator_width=1", "model.discriminator_width=1", "model.max_width_multiplier=2"),
    *("classifier.width=1", "training.batch_size=1"),
)


@pytest.mark.parametrize("shape", [(512, 512), (80, 48)])
def test_a_step_of_other_sizes_trains_both_generators(tiny_config, new_cascade_step, shape):
    config = override(tiny_config, [f"data.image_size={list(shape)}", *TINY])
    step = new_cascade_step(config)
    random = np.random.default_rng(0)
    batch = {
        "spectrogram": random.uniform(-1, 1, (1, *shape, 1)).astype(np.float32),
        "label": np.eye(3, dtype=np.float32)[[1]],
        "photo": random.uniform(-1, 1, (1, *shape, 3)).astype(np.float32),
    }
    for generator in step.cascade.generators:
        assert generator.down[0].convolution.filters == 1
    before = [variable.numpy().copy() for variable in step.cascade.generator_variables]
    losses = step(on_replicas(step, batch))
    assert all(np.isfinite(np.asarray(value)).all() for value in losses.values())
    after = [variable.numpy() for variable in step.cascade.generator_variables]
    assert any((old != new).any() for old, new in zip(before, after, strict=True))
