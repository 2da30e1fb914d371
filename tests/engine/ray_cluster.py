"""A Ray cluster of three nodes, each a set of processes of this machine, of which some can be killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oracles.peers import load

_NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}
IMPATIENT = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
"""How long processes of a cluster wait for a head that is gone; 60 s by itself."""


def load_ray() -> Any:
    return load("ray", "ray is not installed; `make test-all` installs it into .venv-ray ({error})")


@contextmanager
def three_nodes(**head: Any) -> Iterator[Any]:
    """A head and two more nodes with one core each."""
    load_ray()
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False, **head})
    try:
        for _ in range(2):
            cluster.add_node(**_NODE)
        yield cluster
    finally:
        cluster.shutdown()


def busy_workers(node: Any) -> list[int]:
    """Processes of a node that run a task of ours now."""
    raylet = node.all_processes["raylet"][0].process.pid
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline") as title:
                if int(stat.read().rpartition(")")[2].split()[1]) == raylet and "attempt" in title.read():
                    found.append(int(pid))
        except FileNotFoundError:  # it has ended meanwhile
            continue
    return found


def kill(pid: int) -> bool:
    """End a process; False where it has ended by itself meanwhile."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
