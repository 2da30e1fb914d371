"""Errors found against cost spent, along the whole way: what a plot of an audit shows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.derived_tables import AUDIT_CURVES
from oddloop.score.arrays import FloatArray
from oddloop.score.audit.resampled import OBJECT_COUNT, AuditRows, Resampled
from oddloop.score.audit.scores import AuditConfig, interval_of

COST_SHARES = tuple(
    round(share, 3)
    for share in (*np.arange(0.01, 0.1, 0.01), *np.arange(0.1, 0.5, 0.025), *np.arange(0.5, 0.99, 0.05), 1.0)
)
"""Shares of the total cost at which a curve has a point; nothing spent finds nothing."""


def audit_curves(
    scores: Mapping[str, npt.ArrayLike], rows: AuditRows, rng: np.random.Generator, config: AuditConfig | None = None
) -> pa.Table:
    """Curves of some scores, and of all baselines.

    Args:
        scores: (N,) values by name, larger = more worth labelling; not finite = not valid.
        rows: what is known of the rows.
        rng: source of the resamples.
        config: how sure; None is the defaults.

    Returns:
        `derived_tables.AUDIT_CURVES`: scores in their order, then baselines, each by rising cost. `found` is as
        `found_at_10` of the audit, `gain` as `gain_at_10`.

    Raises:
        ValueError: as `audit_scores`.

    >>> rows = AuditRows(errors=[3, 1, 0, 0], groups=["a", "a", "b", "b"], costs=[1, 1, 1, 1], counts=[5, 9, 1, 1])
    >>> curves = audit_curves({"risk_max": [0.9, 0.5, 0.1, 0.2]}, rows, np.random.default_rng(0))
    >>> curves.filter(curves["cost_share"].to_numpy() == 0.25).select(["score", "found"]).to_pylist()[:2]
    [{'score': 'risk_max', 'found': 0.75}, {'score': 'random', 'found': 0.25}]
    """
    config = config or AuditConfig()
    known = Resampled(rows, config.n_bootstrap, rng)
    columns = {name: known.column(values, f"score `{name}`") for name, values in scores.items()}
    baselines = known.baselines()
    points: list[dict[str, object]] = []
    for name, values in {**columns, **baselines}.items():
        is_valid = np.isfinite(values)
        counts = np.where(is_valid, baselines[OBJECT_COUNT], np.nan)
        found = known.found(values, COST_SHARES)
        gains = found - known.found(counts, COST_SHARES)
        same = {"score": name, "kind": "baseline" if name in baselines else "score"}
        points += _points(same, found, gains, len(np.unique(known.logs[is_valid])) >= config.min_logs)
    return pa.Table.from_pylist(points, schema=AUDIT_CURVES.schema())


def best_scores(audit: pa.Table, n: int) -> list[str]:
    """The n best scores of an audit, those that could be judged, and the best of each task, best first.

    A score that takes scenes in the order of a better one, so that its curve would lie on that one's, is passed over.

    Args:
        audit: `derived_tables.AUDIT`, best first.
        n: how many, if one task has so many.
    """
    judged = [row for row in audit.to_pylist() if row["kind"] == "score" and row["gain_at_10"] is not None]
    firsts = {_curve_of(row): row["score"] for row in reversed(judged)}.values()
    rows = [row for row in judged if row["score"] in set(firsts)]
    first_of_task = {row["task"]: row["score"] for row in reversed(rows)}.values()
    return [row["score"] for place, row in enumerate(rows) if place < n or row["score"] in first_of_task]


def _curve_of(row: Mapping[str, float]) -> tuple[object, ...]:
    """What two scores share that have the same curve."""
    points = tuple(round(row[f"found_at_{percent}"], 9) for percent in (5, 10, 20))
    return row["task"], row["n"], row["rank_correlation"] and round(row["rank_correlation"], 9), points


def _points(same: Mapping[str, str], found: FloatArray, gains: FloatArray, is_sure: bool) -> list[dict[str, object]]:
    points: list[dict[str, object]] = []
    for at, share in enumerate(COST_SHARES):
        point: dict[str, object] = {**same, "cost_share": share}
        for name, values in (("found", found[at]), ("gain", gains[at])):
            low, high = interval_of(values) if is_sure else (None, None)
            value = float(values[0]) if np.isfinite(values[0]) else None
            point |= {name: value, f"{name}_low": low, f"{name}_high": high}
        points.append(point)
    return points
