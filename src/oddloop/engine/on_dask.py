"""The engine of a Dask cluster: one that is there, or processes on this machine for as long as the process runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dask
import distributed

from oddloop.config import EngineConfig
from oddloop.engine.base import Item, OnDone, Result
from oddloop.engine.remote import Outcome, Work, attempt, map_over
from oddloop.errors import EngineError

_MB = 1 << 20


@dataclass(frozen=True)
class DaskEngine:
    """Tasks on a Dask cluster, which is started or joined when the first is run.

    Where the process is connected to a cluster already, as in a notebook, that one is used and `address` is not.
    `[engine] memory_mb` is what a worker process that is started here may hold before Dask ends it.
    """

    config: EngineConfig

    def map(self, task: Callable[[Item], Result], items: Sequence[Item], on_done: OnDone | None = None) -> list[Result]:
        """See `Engine.map`."""
        if not len(items):
            return []
        client = _client(self.config)
        with _told():
            return map_over(_DaskPool(client, Work.of(task, self.config.retries), self.config.workers), items, on_done)

    def close(self) -> None:
        """Leave the cluster, and end it where it was started here; the process's end does the same."""
        client = distributed.client.default_client()
        cluster = client.cluster
        client.close()
        if cluster is not None:
            cluster.close()


@dataclass(frozen=True)
class _DaskPool:
    client: distributed.Client
    work: Work
    workers: int

    def width(self) -> int:
        return self.workers or max(sum(self.client.nthreads().values()), 1)

    def submit(self, item: Any) -> Any:
        return self.client.submit(attempt, self.work, item, pure=False)

    def wait(self, handles: list[Any]) -> list[Any]:
        return list(distributed.wait(handles, return_when="FIRST_COMPLETED").done)

    def outcome(self, handle: Any) -> Outcome:
        found: Outcome = handle.result()
        return found

    def cancel(self, handles: list[Any]) -> None:
        self.client.cancel(handles)


def _client(config: EngineConfig) -> distributed.Client:
    try:
        return distributed.client.default_client()
    except ValueError:  # there is none yet
        pass
    try:
        return distributed.Client(config.address or _local_cluster(config))
    except (OSError, ValueError, RuntimeError) as error:
        where = f"[engine] address = {config.address!r}" if config.address else "a cluster on this machine"
        raise EngineError(
            f'Dask: {where} cannot be used: {error}; start the scheduler, correct the address, or set name = "local"'
        ) from error


def _local_cluster(config: EngineConfig) -> distributed.LocalCluster:
    dask.config.set({"distributed.scheduler.allowed-failures": config.retries})
    return distributed.LocalCluster(
        n_workers=config.workers or os.cpu_count(),
        threads_per_worker=1,
        memory_limit=config.memory_mb * _MB or "auto",
        local_directory=config.spill or None,
        dashboard_address=None,
    )


@contextmanager
def _told() -> Iterator[None]:
    """Say as an error of ours what Dask could not mend by itself."""
    try:
        yield
    except (distributed.scheduler.KilledWorker, distributed.client.FutureCancelledError) as error:
        raise EngineError(
            f"Dask gave up: {type(error).__name__}: {error}; what was finished is kept, so mend the cluster and run "
            "again. Where workers run out of memory, set a smaller batch_rows or a larger memory_mb"
        ) from error
