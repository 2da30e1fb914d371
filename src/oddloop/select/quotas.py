"""Quotas: how many scenes of a segment a selection must, or may, hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Quota:
    """How many rows of a set a selection holds.

    Attributes:
        name: what people call it, such as `rain=heavy, illuminance=night`.
        rows: rows of the pool that count, each once, ascending.
        minimum: rows to pick, where the pool and the budget have them.
        maximum: rows to pick at most; None for no limit.
    """

    name: str
    rows: Ints
    minimum: int = 0
    maximum: int | None = None

    def __post_init__(self) -> None:
        if self.minimum < 0 or (self.maximum is not None and self.maximum < self.minimum):
            raise ConfigError(
                f"quota {self.name!r}: minimum = {self.minimum} and maximum = {self.maximum} leave no number between"
            )


@dataclass(frozen=True)
class Shortfall:
    """A quota whose minimum was not reached.

    Attributes:
        name: the quota.
        minimum: rows that were wanted.
        n_picked: rows that were picked.
        n_rows: rows that the pool has.
        n_closed: those of them that the maximum of another quota kept out.
    """

    name: str
    minimum: int
    n_picked: int
    n_rows: int
    n_closed: int = 0

    @property
    def text(self) -> str:
        """One sentence.

        >>> Shortfall("fog", 10, 3, 3).text, Shortfall("fog", 10, 4, 50).text
        ('quota fog: 3 of 10, the pool has no more', 'quota fog: 4 of 10, the budget did not reach for more of 50')
        >>> Shortfall("fog", 10, 4, 50, 46).text
        'quota fog: 4 of 10, the maximum of another quota keeps out the other 46'
        """
        why = f"the budget did not reach for more of {self.n_rows:,}"
        if self.n_rows <= self.n_picked:
            why = "the pool has no more"
        elif self.n_rows - self.n_closed <= self.n_picked:
            why = f"the maximum of another quota keeps out the other {self.n_closed:,}"
        return f"quota {self.name}: {self.n_picked:,} of {self.minimum:,}, {why}"


class Counter:
    """How far each quota is filled while rows are picked one by one.

    >>> counter = Counter((Quota("a", np.array([0, 1]), 1, 1), Quota("b", np.array([1, 2]), 2)), n=3)
    >>> counter.add(1).tolist(), counter.taken.tolist(), counter.wanted(1)
    ([0, 1], [1, 1], 1)
    """

    def __init__(self, quotas: tuple[Quota, ...], n: int) -> None:
        self.quotas = quotas
        self.taken = np.zeros(len(quotas), dtype=np.int64)
        self._picked, self._closed = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        sizes = [len(quota.rows) for quota in quotas]
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *(quota.rows for quota in quotas)])
        if len(rows) and (rows.min() < 0 or rows.max() >= n):
            raise ConfigError(f"quotas name row {int(rows.max())}, but the pool has {n} rows")
        order = np.argsort(rows, kind="stable")
        self._of = np.repeat(np.arange(len(quotas)), sizes)[order]
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])

    def add(self, row: int) -> Ints:
        """Count a picked row; rows that must not be picked any more, for a quota is full now."""
        mine = self._of[self._starts[row] : self._starts[row + 1]]
        self.taken[mine] += 1
        self._picked[row] = True
        return self._close([q for q in mine.tolist() if self._is_full(q)])

    def closed_from_the_start(self) -> Ints:
        """Rows of quotas that allow none."""
        return self._close([q for q, quota in enumerate(self.quotas) if quota.maximum == 0])

    def wanted(self, quota: int) -> int:
        """How many rows a quota still needs."""
        return max(self.quotas[quota].minimum - int(self.taken[quota]), 0)

    def by_scarcity(self) -> list[int]:
        """Quotas with a minimum, the scarcest rows per wanted row first: what is rare must not wait."""
        asked = [i for i, quota in enumerate(self.quotas) if quota.minimum]
        return sorted(asked, key=lambda i: (len(self.quotas[i].rows) / self.quotas[i].minimum, self.quotas[i].name))

    def shortfalls(self) -> list[Shortfall]:
        """Quotas whose minimum was not reached."""
        return [
            Shortfall(q.name, q.minimum, int(n), len(q.rows), int((self._closed & ~self._picked)[q.rows].sum()))
            for q, n in zip(self.quotas, self.taken, strict=True)
            if n < q.minimum
        ]

    def _close(self, full: list[int]) -> Ints:
        rows = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *(self.quotas[q].rows for q in full)]))
        self._closed[rows] = True
        return rows

    def _is_full(self, quota: int) -> bool:
        most = self.quotas[quota].maximum
        return most is not None and int(self.taken[quota]) >= most
