"""Which differences between two models are sure: the interval holds no zero.

The intervals are not corrected for the number of segments: of those without any difference, one in twenty looks sure.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.coverage import ALL_SCENES

BETTER, WORSE, UNCLEAR = "better", "worse", "unclear"
CHANGES = (BETTER, WORSE, UNCLEAR)
"""What a segment may be for the first model beside the second."""


def judge_changes(table: pa.Table, better: str) -> pa.Table:
    """Say of each segment whether the first model is surely better or worse, the surest segment first.

    Args:
        table: what `coverage.compare_segments` gives; rows without an interval are `unclear`.
        better: `lower` or `higher`.

    Returns:
        the same rows, all scenes first, then by the distance of the interval from no difference, with two columns more:
        `change`, one of `CHANGES`, and `has_interval`.

    >>> ends = {"ci_low": [-1.0, -3.0], "ci_high": [2.0, -1.0]}
    >>> found = pa.table({"segment_id": ["a=1", "a=2"], "difference": [0.5, -2.0], **ends})
    >>> judge_changes(found, "lower").select(["segment_id", "change"]).to_pylist()
    [{'segment_id': 'a=2', 'change': 'better'}, {'segment_id': 'a=1', 'change': 'unclear'}]
    """
    excess = _excess(table)
    difference = table["difference"].to_numpy(zero_copy_only=False)
    is_gain = (difference < 0) == (better == "lower")
    change = np.where(excess > 0, np.where(is_gain, BETTER, WORSE), UNCLEAR)
    judged = table.append_column("change", pa.array(change, pa.string()))
    judged = judged.append_column("has_interval", pa.array(np.isfinite(excess)))
    is_all = np.array([segment == ALL_SCENES for segment in table["segment_id"].to_pylist()], np.bool_)
    return judged.take(pa.array(np.lexsort((-excess, ~is_all))))


def _excess(table: pa.Table) -> npt.NDArray[np.float64]:
    """(S,) distance of each interval from no change; below 0 where it holds no change, -inf without interval."""
    low, high = (table[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in ("ci_low", "ci_high"))
    excess: npt.NDArray[np.float64] = np.nan_to_num(np.fmax(low, -high), nan=-np.inf)
    return excess
