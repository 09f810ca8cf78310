import json

import pytest

from cargan_tf.errors import UserError
from cargan_tf.training.cluster import Cluster, cluster_of

WORKERS = ["a:2222", "b:2222"]


def cluster(task=None, **jobs):
    return {"TF_CONFIG": json.dumps({"cluster": jobs, "task": task})}


@pytest.mark.parametrize("environment", [{}, {"TF_CONFIG": " "}])
def test_without_the_variable_there_is_one_machine(environment):
    assert cluster_of(environment) is None


def test_one_worker_alone_is_no_cluster():
    assert cluster_of(cluster({"type": "worker", "index": 0}, worker=["a:2222"])) is None


def test_the_chief_is_the_first_worker():
    found = cluster_of(cluster({"type": "worker", "index": 1}, worker=WORKERS, chief=["c:1"]))
    assert found == Cluster({"chief": ["c:1"], "worker": WORKERS}, "worker", 1)
    assert list(found.addresses) == ["chief", "worker"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TF_CONFIG": "{cluster"}, "is not JSON"),
        ({"TF_CONFIG": "[]"}, "is not an object"),
        ({"TF_CONFIG": "{}"}, "has no cluster"),
        (cluster(worker="a:2222"), "no list of addresses for 'worker'"),
        (cluster(worker=["a", "b:1"]), "has the address 'a', which is not host:port"),
        (cluster(worker=["a:1", "a:1"]), "names a:1 twice"),
        (cluster(worker=WORKERS, ps=["c:1"]), "tasks of type 'ps'"),
        (cluster(worker=WORKERS, chief=["c:1", "d:1"]), "more than one chief"),
        (cluster(worker=WORKERS), "does not say which task this process is"),
        (cluster({"type": "boss", "index": 0}, worker=WORKERS), "the task type 'boss'"),
        (cluster({"type": ["worker"], "index": 0}, worker=WORKERS), "the task type ['worker']"),
        (cluster({"type": "worker"}, worker=WORKERS), "has no task index"),
        (cluster({"type": "worker", "index": 2}, worker=WORKERS), "index 2; the worker tasks are"),
        (cluster({"type": "worker", "index": "0"}, worker=WORKERS), "has the task index '0'"),
    ],
)
def test_a_variable_that_is_not_as_tensorflow_defines_it_is_one_line(environment, said):
    with pytest.raises(UserError, match="TF_CONFIG") as caught:
        cluster_of(environment)
    assert said in str(caught.value)
    assert '"task": {"type": "worker", "index": 0}' in str(caught.value)
    assert "\n" not in str(caught.value)
