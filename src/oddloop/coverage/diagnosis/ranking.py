"""Which gaps to look at first: those that are surely large."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import read_numbers
from oddloop.derived_tables import VERDICTS

_OWN = tuple(c.name for c in VERDICTS.columns if c.name not in VERDICTS.key)


def worst_gaps(gaps: pa.Table, verdicts: pa.Table) -> pa.Table:
    """Gaps that are not met, each with its verdict, the surest and largest first.

    They are ordered by the part of the gap that is beyond the half width of its interval, as a share of the target's
    size; gaps without an interval come last. Equal ones stay in their order.

    Args:
        gaps: `derived_tables.GAPS`.
        verdicts: `derived_tables.VERDICTS` of the same rows in the same order, as `diagnose` gives them.

    Returns:
        the columns of both.

    Raises:
        ValueError: the rows are not the same.

    >>> from oddloop.derived_tables import GAPS
    >>> worst_gaps(GAPS.empty(), VERDICTS.empty()).num_rows
    0
    """
    if any(not gaps[key].combine_chunks().equals(verdicts[key].combine_chunks()) for key in VERDICTS.key):
        raise ValueError("gaps and verdicts are of different rows; give both tables of one diagnosis")
    for name in _OWN:
        gaps = gaps.append_column(VERDICTS.schema().field(name), verdicts[name])
    open_gaps = gaps.filter(pc.not_equal(gaps["verdict"], "ok"))
    gap, half, target = (read_numbers(open_gaps, name, "gaps") for name in ("gap", "half_width", "target"))
    sure = (gap - half) / np.where(target == 0, 1.0, np.abs(target))
    order = np.argsort(-np.nan_to_num(sure, nan=-np.inf), kind="stable")
    return open_gaps.take(pa.array(order))
