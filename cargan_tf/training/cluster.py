"""The cluster of a multi-machine run, from ``TF_CONFIG``, TensorFlow's variable for it.

https://www.tensorflow.org/api_docs/python/tf/distribute/cluster_resolver/TFConfigClusterResolver
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cargan_tf.errors import UserError

CLUSTER_VARIABLE = "TF_CONFIG"

#: Task types of synchronous training; the chief is worker 0 under another name.
_TASKS = ("chief", "worker")
_ADDRESS = re.compile(r".+:\d{1,5}")
_EXPECTED = (
    'Expected, for example, {"cluster": {"worker": ["host0:2222", "host1:2222"]},'
    ' "task": {"type": "worker", "index": 0}}.'
)


@dataclass(frozen=True)
class Cluster:
    """All workers' addresses, and which of them this process is.

    Attributes:
        addresses: ``host:port`` of each worker, by ``chief`` and ``worker``.
        task: ``chief`` or ``worker``.
        index: among those of ``task``.
    """

    addresses: dict[str, list[str]]
    task: str
    index: int


def cluster_of(environment: Mapping[str, str]) -> Cluster | None:
    """The cluster in ``TF_CONFIG``; ``None`` without one, or if it is a single machine.

    Raises:
        UserError: it is invalid, or has task types that training does not support.
    """
    text = environment.get(CLUSTER_VARIABLE, "").strip()
    if not text:
        return None
    try:
        values = json.loads(text)
    except ValueError as error:
        raise _bad(f"is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise _bad("is not an object")
    addresses = _addresses(values.get("cluster"))
    task, index = _task(values.get("task"), addresses)
    return Cluster(addresses, task, index) if sum(map(len, addresses.values())) > 1 else None


def _addresses(cluster: Any) -> dict[str, list[str]]:
    if not isinstance(cluster, dict) or not cluster:
        raise _bad("has no cluster")
    for name, hosts in cluster.items():
        if name not in _TASKS:
            raise _bad(f"has tasks of type {name!r}; only {' and '.join(_TASKS)} are supported")
        if not isinstance(hosts, list) or not hosts:
            raise _bad(f"has no list of addresses for {name!r}")
        for host in hosts:
            if not isinstance(host, str) or not _ADDRESS.fullmatch(host):
                raise _bad(f"has the address {host!r}, which is not host:port")
    everyone = [host for hosts in cluster.values() for host in hosts]
    twice = sorted({host for host in everyone if everyone.count(host) > 1})
    if twice:
        raise _bad(f"names {twice[0]} twice")
    if len(cluster.get("chief", [])) > 1:
        raise _bad("has more than one chief")
    return {name: cluster[name] for name in _TASKS if name in cluster}


def _task(task: Any, addresses: dict[str, list[str]]) -> tuple[str, int]:
    if not isinstance(task, dict):
        raise _bad("does not say which task this process is")
    kind, index = task.get("type"), task.get("index")
    if not isinstance(kind, str) or kind not in addresses:
        raise _bad(f"has the task type {kind!r}; its cluster has {' and '.join(addresses)}")
    if index is None:
        raise _bad("has no task index")
    count = len(addresses[kind])
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise _bad(f"has the task index {index!r}; the {kind} tasks are 0 to {count - 1}")
    return kind, index


def _bad(what: str) -> UserError:
    return UserError(f"{CLUSTER_VARIABLE} {what}. {_EXPECTED} Unset it to train on one machine.")
