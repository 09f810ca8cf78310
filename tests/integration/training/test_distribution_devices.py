import pytest
import tensorflow as tf

from cargan_tf.config import override
from cargan_tf.errors import UserError
from cargan_tf.training.cluster import Cluster
from cargan_tf.training.distribution import check_devices_suit, make_strategy


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    listed = tf.config.list_physical_devices
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind: [] if kind == "GPU" else listed(kind)
    )


def test_the_cpu_is_taken_where_there_is_no_gpu():
    strategy = make_strategy()
    assert strategy.num_replicas_in_sync == 1
    assert "CPU:0" in strategy.extended.worker_devices[0]


@pytest.mark.parametrize("gpus", [1, 4])
def test_missing_gpus_are_an_error_that_names_the_rehearsal(gpus):
    with pytest.raises(UserError, match=rf"TensorFlow sees 0.*--virtual-devices {gpus}"):
        make_strategy(gpus=gpus)


def test_virtual_devices_are_replicas():
    strategy = make_strategy(virtual_devices=4)
    assert strategy.num_replicas_in_sync == 4
    assert len(set(strategy.extended.worker_devices)) == 4


def test_more_virtual_devices_than_tensorflow_started_with():
    tf.config.list_logical_devices("CPU")
    with pytest.raises(UserError, match=r"runs with 4 logical CPU.*new process"):
        make_strategy(virtual_devices=5)


def test_gpus_and_virtual_devices_exclude_each_other():
    with pytest.raises(UserError, match="cannot be combined"):
        make_strategy(gpus=1, virtual_devices=2)


def test_float16_without_gpus_is_refused_with_what_to_take_instead(tiny_config):
    training = override(tiny_config, ["training.precision=float16"]).training
    with pytest.raises(UserError, match=r"needs GPUs: .*bfloat16"):
        check_devices_suit(training, tf.distribute.MirroredStrategy(["/cpu:0"]))


def test_xla_over_several_devices_is_refused(tiny_config, four_replicas):
    training = override(tiny_config, ["training.compile=true"]).training
    with pytest.raises(UserError, match="over 4 devices"):
        check_devices_suit(training, four_replicas)
    check_devices_suit(training, tf.distribute.MirroredStrategy(["/cpu:0"]))


TWO_MACHINES = Cluster({"worker": ["a:2222", "b:2222"]}, "worker", 1)


def test_gpus_of_a_cluster_are_those_of_each_machine():
    with pytest.raises(UserError, match=r"sees 0 on this machine \(the number is per worker"):
        make_strategy(gpus=2, cluster=TWO_MACHINES)


def test_a_cluster_is_not_rehearsed():
    with pytest.raises(UserError, match="unset TF_CONFIG, or omit --virtual-devices"):
        make_strategy(virtual_devices=2, cluster=TWO_MACHINES)
