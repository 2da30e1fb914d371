"""How much better one arm's models are than another's in each segment, with what is known of the luck in it (LIFTS).

Intervals of segments are of 95 % each; for all of them together q-values keep the share of false ones down (Benjamini
and Yekutieli, which holds however segments overlap).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage import ALL_SCENES, Encoded, compare_halves
from oddloop.derived_tables import LIFTS
from oddloop.rounds.evidence.equal_cost import Side, scenes_in_common, side_values

FloatArray = npt.NDArray[np.float64]
Better = Literal["lower", "higher"]
MIN_LOGS = 5
_CONFIDENCE = 0.95


def compare_sides(
    comparison: str, sides: tuple[Side, Side], metric: str, better: Better, scenes: pa.Table, encoded: Encoded
) -> pa.Table:
    """Our side less the other, per segment.

    Args:
        comparison: what to call it in the table.
        sides: ours, and the one to compare with.
        metric: metric to compare.
        better: its direction.
        scenes: scene_id and log_id of all scenes.
        encoded: their attributes, in the same order.

    Returns:
        LIFTS; no rows where the models have no scene in common. Segments in fewer than five logs have no interval.
    """
    common = scenes_in_common(sides, metric)
    if not len(common):
        return LIFTS.empty()
    rows = pc.index_in(common, value_set=scenes["scene_id"].combine_chunks().cast(pa.string())).to_numpy()
    names, logs = np.unique(scenes["log_id"].take(pa.array(rows)).to_numpy().astype(str), return_inverse=True)
    ours, theirs = (side_values(side, metric, common) for side in sides)
    found = compare_halves(ours, theirs, logs, len(names), encoded.take(rows), _way(encoded))
    compared, sign = found.compared, -1.0 if better == "lower" else 1.0
    has_interval = compared.n_logs >= MIN_LOGS
    half = np.where(has_interval, compared.half_width(_CONFIDENCE), np.nan)
    lift = sign * compared.difference
    p = np.where(np.isfinite(half), compared.p_value(), np.nan)
    is_segment = pc.not_equal(found.segment_ids, ALL_SCENES).to_numpy(zero_copy_only=False)
    columns: dict[str, Any] = {
        "comparison": [comparison] * len(lift),
        "metric": [metric] * len(lift),
        "segment_id": found.segment_ids,
        "value": compared.ours,
        "other_value": compared.theirs,
        "lift": lift,
        "ci_low": lift - half,
        "ci_high": lift + half,
        "luck": np.where(has_interval, compared.luck, np.nan),
        "held_out": np.where(has_interval, compared.held_out, np.nan),
        "freedom": np.where(has_interval, compared.freedom, np.nan),
        "p_value": p,
        "q_value": np.where(is_segment, adjust(np.where(is_segment, p, np.nan)), np.nan),
        "n_scenes": found.n_scenes,
        "n_logs": compared.n_logs,
    }
    return lifts_table(columns)


def _way(encoded: Encoded) -> int:
    return min(2, len(encoded.attributes))


def lifts_table(columns: dict[str, Any]) -> pa.Table:
    """LIFTS from columns by name; NaN becomes null, and rows without a lift are left out."""
    arrays = [pa.array(columns[c.name], c.type, from_pandas=True) for c in LIFTS.columns]
    table = pa.table(arrays, schema=LIFTS.schema())
    return table.filter(pc.is_valid(table["lift"]))


def adjust(p: FloatArray) -> FloatArray:
    """(S,) q-values of p-values by Benjamini and Yekutieli's step-up procedure; NaN where p is.

    References:
        Benjamini and Yekutieli, The control of the false discovery rate in multiple testing under dependency, 2001.

    >>> adjust(np.array([0.01, np.nan, 0.04])).round(3).tolist()  # two tests: x 2 x (1 + 1/2) / rank
    [0.03, nan, 0.06]
    """
    q, known = np.full(len(p), np.nan), np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    n = len(order)
    raw = p[order] * n * (1 / np.arange(1, n + 1)).sum() / np.arange(1, n + 1)
    q[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return q
