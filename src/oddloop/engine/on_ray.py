"""The engine of a Ray cluster: one that is there, or one on this machine for as long as the process runs.

Tasks get paths, read and write by themselves, and give back next to nothing; Ray's own store of objects holds the task
and the results only, so it is kept small. Each task takes one core (`num_cpus=1`) and, where `[engine] memory_mb` is
set, that much of a node's reckoned memory. Whatever dies beside the driver and the head, Ray runs the task again.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from oddloop.config import EngineConfig
from oddloop.engine.base import Item, OnDone, Result
from oddloop.engine.remote import Outcome, Work, attempt, map_over
from oddloop.errors import EngineError

_MB = 1 << 20
_OBJECT_STORE_BYTES = 512 * _MB
"""Of a cluster that is started here. Ray itself would set a third of the machine's memory aside, which we need."""
_REACH_S = 10.0
_LAST_TASKS_S = 30.0
"""Longest wait for tasks that still run when a run is given up; they end with the process at the latest."""


@dataclass(frozen=True)
class RayEngine:
    """Tasks on a Ray cluster, which is started or joined when the first is run.

    Where the process is connected to a cluster already, as in a notebook, that one is used and `address` is not.
    """

    config: EngineConfig

    def map(self, task: Callable[[Item], Result], items: Sequence[Item], on_done: OnDone | None = None) -> list[Result]:
        """See `Engine.map`."""
        if not len(items):
            return []
        if not ray.is_initialized():
            _connect(self.config)
        with _told():
            return map_over(_RayPool.of(task, self.config), items, on_done)

    def close(self) -> None:
        """Leave the cluster, and end it where it was started here; the process's end does the same."""
        ray.shutdown()


@dataclass(frozen=True)
class _RayPool:
    """One piece of work, kept in the cluster once for all tasks."""

    work: Any
    run: Any
    config: EngineConfig

    @classmethod
    def of(cls, task: Callable[[Any], Any], config: EngineConfig) -> _RayPool:
        _refuse_too_much_memory(config)
        run = ray.remote(attempt).options(
            num_cpus=1,
            memory=config.memory_mb * _MB or None,
            max_retries=config.retries,
            scheduling_strategy="SPREAD",  # input lies in the lake and not on a node, so no node is the better one
        )
        return cls(ray.put(Work.of(task, config.retries)), run, config)

    def width(self) -> int:
        return self.config.workers or max(sum(_places(node, self.config.memory_mb) for node in _nodes()), 1)

    def submit(self, item: Any) -> Any:
        return self.run.remote(self.work, item)

    def wait(self, handles: list[Any]) -> list[Any]:
        ray.wait(handles, num_returns=1)
        return list(ray.wait(handles, num_returns=len(handles), timeout=0)[0])

    def outcome(self, handle: Any) -> Outcome:
        found: Outcome = ray.get(handle)
        return found

    def cancel(self, handles: list[Any]) -> None:
        # Not by `ray.cancel`: of a task that ends at that moment Ray 2.60 ends the driver, without a word (it checks
        # that a task which is done was pending). Few are in flight, and they write into a folder that is put away next.
        if handles:
            ray.wait(handles, num_returns=len(handles), timeout=_LAST_TASKS_S)


def _nodes() -> list[dict[str, float]]:
    """Resources of the nodes that are there and compute; a cluster that grows by need may have none yet."""
    nodes = (node["Resources"] for node in ray.nodes() if node["Alive"])
    return [resources for resources in nodes if resources.get("CPU", 0.0) >= 1]


def _places(node: dict[str, float], memory_mb: int) -> int:
    """Tasks that a node can run at a time."""
    cores = node["CPU"]
    return int(min(cores, node.get("memory", 0.0) / (memory_mb * _MB)) if memory_mb else cores)


def _refuse_too_much_memory(config: EngineConfig) -> None:
    """Refuse what would wait for ever."""
    nodes = _nodes()
    if nodes and not any(_places(node, config.memory_mb) for node in nodes):
        largest = max(node.get("memory", 0.0) for node in nodes) / _MB
        raise EngineError(
            f"[engine] memory_mb = {config.memory_mb}: no node has as much; the largest has {largest:.0f}. "
            "Set less, and a smaller `batch_rows` where tasks need it"
        )


def _connect(config: EngineConfig) -> None:
    options: dict[str, Any] = {"address": config.address or "local"}
    if not config.address:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of each cluster
        options |= {
            "num_cpus": config.workers or None,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "include_dashboard": False,
            **({"object_spilling_directory": os.path.abspath(config.spill)} if config.spill else {}),
        }
    try:
        _reach(config.address)
        with _own_handlers():
            _talk_on_stderr()
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        where = f"[engine] address = {config.address!r}" if config.address else "a cluster on this machine"
        raise EngineError(
            f"Ray: {where} cannot be used: {_first_line(error)}; start the cluster, correct the address, "
            'or set name = "local"'
        ) from error


def _talk_on_stderr() -> None:
    """Ray tells of lost nodes on the driver's stdout, where results go, and has no setting for it."""
    worker = ray._private.worker
    told = getattr(worker, "print_to_stdstream", None)
    if told is not None and not getattr(told, "is_ours", False):

        def tell(data: dict[str, Any], **options: Any) -> None:
            told({**data, "is_err": True}, **options)

        tell.is_ours = True  # type: ignore[attr-defined]
        worker.print_to_stdstream = tell


def _reach(address: str) -> None:
    """Fail at once where nobody listens at `host:port`; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()


@contextmanager
def _own_handlers() -> Iterator[None]:
    """Keep what this process does when it is told to end; Ray would put its own handler in place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _told() -> Iterator[None]:
    """Say as an error of ours what Ray could not mend by itself."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise EngineError(
            f"Ray gave up: {type(error).__name__}: {_first_line(error)}; what was finished is kept, so mend the "
            "cluster and run again. Where workers run out of memory, set a smaller batch_rows or a larger memory_mb"
        ) from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
