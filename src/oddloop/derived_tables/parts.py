"""What several tables share."""

from __future__ import annotations

import pyarrow as pa

from oddloop.tables import FLOAT, STRING, Column

REASON = pa.struct([("code", STRING), ("value", FLOAT), ("text", STRING)])
"""Why something is said: a code for programs, a number, a sentence for people."""


def with_interval(name: str, meaning: str) -> tuple[Column, Column, Column]:
    """A statistic and the ends of its interval; null where it is not defined, or has no interval.

    >>> [column.name for column in with_interval("rho", "a correlation")]
    ['rho', 'rho_low', 'rho_high']
    """
    return (
        Column(name, FLOAT, meaning, nullable=True),
        Column(f"{name}_low", FLOAT, "lower end of its 95 % interval", nullable=True),
        Column(f"{name}_high", FLOAT, "upper end of its 95 % interval", nullable=True),
    )
