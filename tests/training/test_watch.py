import json

import pytest
import tensorflow as tf

from cargan_tf.errors import UserError
from cargan_tf.training.loss_guard import LossWatch


@pytest.fixture
def report(tmp_path):
    return tmp_path / "fault.json"


@pytest.fixture
def watch(report):
    return LossWatch(tf.distribute.get_strategy(), 100.0, report)


def note(watch, step, **losses):
    batch = {"id": tf.constant([f"clip {step}.{place}" for place in range(4)])}
    watch.note(step, {name: tf.constant(value) for name, value in losses.items()}, batch)


def test_sound_losses_are_handed_over(watch, report):
    note(watch, 1, refined_l1=0.5, generators=-100.0)
    note(watch, 2, refined_l1=0.25, generators=100.0)
    assert watch.look() == {"refined_l1": 0.25, "generators": 100.0}
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
def test_the_first_bad_step_is_named_with_its_batch(watch, report, value, said):
    note(watch, 1, refined_l1=0.5, coarse_l1=1.0)
    note(watch, 2, refined_l1=0.5, coarse_l1=value)
    note(watch, 3, refined_l1=float("nan"), coarse_l1=float("nan"))
    with pytest.raises(UserError) as caught:
        watch.look()
    said = f"step 2: {said}, on the batch of clip 2.0, clip 2.1, clip 2.2 and 1 more (all in"
    assert str(caught.value).startswith(said)
    told = json.loads(report.read_text())
    assert told["step"] == 2
    assert told["records"] == [f"clip 2.{place}" for place in range(4)]
    assert told["losses"]["refined_l1"] == 0.5


def test_what_was_looked_at_is_forgotten(watch):
    note(watch, 1, refined_l1=0.5)
    watch.look()
    assert watch.look() == {}


def test_batches_of_several_replicas_are_named_whole(four_replicas, report):
    watch = LossWatch(four_replicas, 100.0, report)
    ids = four_replicas.experimental_distribute_values_from_function(
        lambda context: tf.constant([f"clip {context.replica_id_in_sync_group}"])
    )
    watch.note(1, {"coarse_l1": tf.constant(float("nan"))}, {"id": ids})
    with pytest.raises(UserError):
        watch.look()
    assert json.loads(report.read_text())["records"] == [f"clip {n}" for n in range(4)]
