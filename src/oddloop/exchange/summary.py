"""What an ingest brought in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how many are done, how many there are)."""

OF_SOURCE = "source"
"""Stands for the table where a part of a source was left out."""
_FAULTY = f"{OF_SOURCE}: "
_QUOTED = re.compile(r"'[^']*'")


@dataclass(frozen=True)
class IngestSummary:
    """What an ingest read and wrote.

    Attributes:
        source: the folder as the user named it.
        rows: rows written, by lake table.
        counts: what was found, by its name in the plural, such as `detections`; empty where nothing was counted.
        refused: rows, or faults of a source's parts, for which something was left out: table (`OF_SOURCE`), file, row
            (1 is the first below the heading; -1 is the whole), reason, and where one stands for several, n_rows;
            None where nothing may be.
        derived: rule by column, of the columns of `scenes` that were worked out and not read.
    """

    source: str
    rows: Mapping[str, int]
    counts: Mapping[str, int] = field(default_factory=dict)
    refused: pa.Table | None = None
    derived: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_refused(self) -> int:
        """Rows that were left out."""
        return sum(self._n_rows())

    def reasons(self) -> dict[str, int]:
        """Rows that were left out, by table and kind of reason, most first; `…` stands for what a reason quotes."""
        if self.refused is None:
            return {}
        found = Counter[str]()
        for row, n in zip(self.refused.to_pylist(), self._n_rows(), strict=True):
            found[f"{row['table']}: {_QUOTED.sub('…', row['reason'])}"] += n
        return dict(found.most_common())

    def _n_rows(self) -> list[int]:
        if self.refused is None:
            return []
        one_each = "n_rows" not in self.refused.column_names
        return [1] * self.refused.num_rows if one_each else self.refused["n_rows"].to_pylist()

    def __str__(self) -> str:
        """Lines for people.

        >>> print(IngestSummary("drives", {"scenes": 90}, {"logs": 21, "detections": 80471}))
        drives: 21 logs, 80,471 detections
          scenes        90 rows
        """
        counted = ", ".join(_counted(n, name) for name, n in self.counts.items())
        width = max((len(name) for name in self.rows), default=0)
        digits = max((len(f"{n:,}") for n in self.rows.values()), default=0)
        heading = f"{self.source}: {counted or _counted(len(self.rows), 'tables')}"
        lines = [f"  {name:<{width}}  {n:>{max(digits, 8)},} rows" for name, n in self.rows.items()]
        reasons = self.reasons()
        faults = {reason: n for reason, n in reasons.items() if reason.startswith(_FAULTY)}
        rows = {reason: n for reason, n in reasons.items() if reason not in faults}
        n_faults, n_rows = sum(faults.values()), sum(rows.values())
        lines += _listed(f"What is faulty was left out, for {_counted(n_faults, 'faults')}:", faults)
        lines += _listed(f"{_counted(n_rows, 'rows')} {'was' if n_rows == 1 else 'were'} left out:", rows)
        return "\n".join([heading, *lines])


def _listed(title: str, reasons: Mapping[str, int]) -> list[str]:
    lines = [f"    {n:,} {reason.removeprefix(_FAULTY)}" for reason, n in reasons.items()]
    return [f"  {title}", *lines] if lines else []


def _counted(n: int, plural: str) -> str:
    return f"{n:,} {plural.removesuffix('s') if n == 1 else plural}"
