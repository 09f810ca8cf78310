import json

import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.training.callbacks import LossGuard


@pytest.fixture
def report(tmp_path):
    return tmp_path / "fault.json"


@pytest.fixture
def loss_guard(report):
    return LossGuard(tf.distribute.get_strategy(), 100.0, report)


def note(loss_guard, step, **losses):
    batch = {"id": tf.constant([f"clip {step}.{position}" for position in range(4)])}
    loss_guard.on_step_end(
        step, {name: tf.constant(value) for name, value in losses.items()}, batch
    )


def test_sound_losses_are_handed_over(loss_guard, report):
    note(loss_guard, 1, refined_l1=0.5, generators=-100.0)
    note(loss_guard, 2, refined_l1=0.25, generators=100.0)
    assert loss_guard.check() == {"refined_l1": 0.25, "generators": 100.0}
    assert not report.exists()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "coarse_l1 is not finite"),
        (float("-inf"), "coarse_l1 is not finite"),
        (101.0, "coarse_l1 is 101, above training.maximum_loss = 100"),
        (-2e9, "coarse_l1 is -2e+09, above training.maximum_loss = 100"),
    ],
)
def test_the_first_bad_step_is_named_with_its_batch(loss_guard, report, value, said):
    note(loss_guard, 1, refined_l1=0.5, coarse_l1=1.0)
    note(loss_guard, 2, refined_l1=0.5, coarse_l1=value)
    note(loss_guard, 3, refined_l1=float("nan"), coarse_l1=float("nan"))
    with pytest.raises(UserError) as caught:
        loss_guard.check()
    said = f"step 2: {said}, on the batch of clip 2.0, clip 2.1, clip 2.2 and 1 more (details in"
    assert str(caught.value).startswith(said)
    told = json.loads(report.read_text())
    assert told["step"] == 2
    assert told["records"] == [f"clip 2.{position}" for position in range(4)]
    assert told["losses"]["refined_l1"] == 0.5


def test_what_was_looked_at_is_forgotten(loss_guard):
    note(loss_guard, 1, refined_l1=0.5)
    loss_guard.check()
    assert loss_guard.check() == {}


def test_batches_of_several_replicas_are_named_whole(four_replicas, report):
    loss_guard = LossGuard(four_replicas, 100.0, report)
    ids = four_replicas.experimental_distribute_values_from_function(
        lambda context: tf.constant([f"clip {context.replica_id_in_sync_group}"])
    )
    loss_guard.on_step_end(1, {"coarse_l1": tf.constant(float("nan"))}, {"id": ids})
    with pytest.raises(UserError):
        loss_guard.check()
    assert json.loads(report.read_text())["records"] == [f"clip {n}" for n in range(4)]
