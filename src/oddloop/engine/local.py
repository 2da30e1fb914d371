"""The engine of one machine: threads, since kernels and Parquet decoding release the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from oddloop.engine.base import Item, OnDone, Result
from oddloop.engine.retrying import Retrying


@dataclass(frozen=True)
class LocalEngine:
    """Threads of this process; `workers` of 0 means one per core, `retries` are of tasks that raise `OSError`.

    >>> LocalEngine(workers=2).map(abs, [-2, 1])
    [2, 1]
    """

    workers: int = 0
    retries: int = 0

    def map(self, task: Callable[[Item], Result], items: Sequence[Item], on_done: OnDone | None = None) -> list[Result]:
        """See `Engine.map`."""
        # One thread per task for NumPy's linear algebra, too: more would wait for each other, and sum in another order.
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.workers or os.cpu_count() or 1) as pool:
            futures = [pool.submit(Retrying(task, self.retries), item) for item in items]
            try:
                for n_done, future in enumerate(as_completed(futures), start=1):
                    future.result()
                    if on_done is not None:
                        on_done(n_done, len(items))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
            return [future.result() for future in futures]
