"""What an ingest brought in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, how many are done, how many there are)."""


@dataclass(frozen=True)
class IngestSummary:
    """What an ingest read and wrote.

    Attributes:
        source: the folder as the user named it.
        rows: rows written, by lake table.
        counts: what was found, by its name in the plural, such as `detections`; empty where nothing was counted.
    """

    source: str
    rows: Mapping[str, int]
    counts: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Lines for people.

        >>> print(IngestSummary("drives", {"scenes": 90}, {"logs": 21, "detections": 80471}))
        drives: 21 logs, 80,471 detections
          scenes        90 rows
        """
        counted = ", ".join(f"{n:,} {name}" for name, n in self.counts.items())
        width = max((len(name) for name in self.rows), default=0)
        digits = max((len(f"{n:,}") for n in self.rows.values()), default=0)
        heading = f"{self.source}: {counted or f'{len(self.rows)} tables'}"
        return "\n".join(
            [heading, *(f"  {name:<{width}}  {n:>{max(digits, 8)},} rows" for name, n in self.rows.items())]
        )
