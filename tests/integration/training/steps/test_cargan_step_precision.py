"""A step in half the precision, and by XLA."""

import numpy as np
import pytest
from helpers.tensorflow_process import eagerly
from helpers.training import batch_of, on_replicas, unchanged

from cargan_tf.config import override


@pytest.fixture(scope="module")
def one_stage(small_config):
    """Half of the cascade, which is traced in half of the time."""
    return override(small_config, ["model.stages=1"])


@pytest.fixture(scope="module")
def exact_losses(new_cascade_step, one_stage):
    with eagerly():
        return _losses_of_two_steps(new_cascade_step(one_stage))


def _losses_of_two_steps(step):
    batches = [batch_of(index) for index in range(2)]
    return [{k: float(v) for k, v in step(on_replicas(step, b)).items()} for b in batches]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_the_precision_trains_alike(new_cascade_step, one_stage, exact_losses, precision):
    """The second step's losses show that the first moved the weights as float32 does."""
    step = new_cascade_step(override(one_stage, [f"training.precision={precision}"]))
    with eagerly():
        losses = _losses_of_two_steps(step)
    for found, expected in zip(losses, exact_losses, strict=True):
        assert found == pytest.approx(expected, rel=0.1)
    networks = (step.cascade, step.discriminator)
    assert {variable.dtype for network in networks for variable in network.variables} == {"float32"}
    assert step.cascade.coarse_generator.down[0].convolution.compute_dtype == precision
    if precision == "float16":
        check_that_a_step_which_overflows_is_left_out(step)


def check_that_a_step_which_overflows_is_left_out(step):
    scale = step.generator_optimizer.dynamic_scale
    scale.assign(2.0**40)
    before = [variable.numpy() for variable in step.cascade.generator_variables]
    with eagerly():
        losses = step(on_replicas(step, batch_of(2)))
    assert np.isfinite(float(losses["generators"]))
    assert all(unchanged(before, [v.numpy() for v in step.cascade.generator_variables]))
    assert scale.numpy() == 2.0**39


@pytest.mark.slow
def test_xla_s_step_gives_the_same_losses(new_cascade_step, one_stage, exact_losses):
    compiled = _losses_of_two_steps(
        new_cascade_step(override(one_stage, ["training.compile=true"]))
    )
    for found, expected in zip(compiled, exact_losses, strict=True):
        assert found == pytest.approx(expected, rel=1e-3)
