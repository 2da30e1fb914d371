"""Values that were made before, up to a number of bytes: those that were not asked for longest go first.

A value is made once, also where several threads ask for it at the same time. Keys name what a value is a function of,
such as a digest, so nothing here ever goes stale.
"""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

import pyarrow as pa

T = TypeVar("T")


class Cache:
    """A bounded cache that threads may share.

    >>> cache = Cache(1000)
    >>> cache.get("a", lambda: 1), cache.get("a", lambda: 2)
    (1, 1)
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of a key, made where it is not kept."""
        with self._lock:
            if key in self._kept:
                return cast("T", self._take(key))
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return cast("T", self._take(key))
            value = make()
            self._keep(key, value)
        return value

    def peek(self, key: Hashable) -> Any:
        """The value of a key; None where it is not kept."""
        with self._lock:
            return self._take(key) if key in self._kept else None

    def _take(self, key: Hashable) -> Any:
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def _keep(self, key: Hashable, value: Any) -> None:
        size = size_of(value)
        with self._lock:
            self._making.pop(key, None)
            if size > self.max_bytes // 2:
                return  # it would push out nearly everything else
            self._kept[key] = value, size
            self.n_bytes += size
            while self.n_bytes > self.max_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                self.n_bytes -= freed


def size_of(value: Any) -> int:
    """About how many bytes a value holds.

    >>> size_of(pa.table({"x": pa.array([1, 2], pa.int64())}))
    16
    >>> import numpy as np
    >>> size_of(np.zeros(1_000_000)) - 8_000_000 < 1000
    True
    """
    if isinstance(value, pa.Table):
        return int(value.nbytes)
    apart: list[int] = []  # arrays, which are counted where they are rather than copied
    plain = pickle.dumps(value, protocol=5, buffer_callback=lambda buffer: apart.append(buffer.raw().nbytes))
    return len(plain) + sum(apart)
