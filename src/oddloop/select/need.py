"""How much each candidate's segments need data, from what coverage measured of them.

    need of a segment = (its share of the pool / its share of the labels) x (1 + how far it misses its target / target)

which is what one more scene there is worth beside one drawn at random, where the error falls as a power of the scenes:
proportional to the error and to how thinly the segment is labelled. It counts where the verdict allows it: a segment
short of data in full, an undecided one by its square root; where the model or its labels are what is wrong, more scenes
are not the cure and count half; a segment that is fine, or measured too thinly, counts as average. A scene of several
such segments has the highest need among them, for they overlap, halved where one has no cure in data. All within
[1/2, 6], so that a ratio of small numbers cannot take the whole budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.select.members import members
from oddloop.select.pool import Floats

LEAST, MOST = 0.5, 6.0
_SHORT = {"data_limited": 1.0, "coverage_gap": 1.0, "undecided": 0.5}
"""Exponent of the need, by verdict."""
_NO_CURE = ("model_limited", "label_noise_limited")


@dataclass(frozen=True)
class Needs:
    """What candidates need.

    Attributes:
        value: (n,) 1 for average.
        segment_id: (n,) the segment that raises it most; "" for none.
        verdict: (n,) its verdict; "" for none.
    """

    value: Floats
    segment_id: list[str]
    verdict: list[str]


def scene_needs(attributes: pa.Table, segments: pa.Table, gaps: pa.Table, verdicts: pa.Table) -> Needs:
    """Say how much each candidate's segments need data.

    Args:
        attributes: a row per candidate, a column per attribute; a segment of others counts as average.
        segments: SEGMENTS, for the conditions of a segment.
        gaps: GAPS; null and NaN count as nothing known.
        verdicts: VERDICTS of the same rows.

    Returns:
        one entry per candidate; average for all without rows in `gaps`.

    >>> attributes = pa.table({"scene_id": ["a", "b"], "rain": ["heavy", "none"]})
    >>> segments = pa.table({"segment_id": ["rain=heavy", "", ""], "attributes": [["rain"], [], []], "n_way": [1, 0, 0],
    ...     "values": [["heavy"], [], []], "status": ["labelled", "labelled", "unlabelled"], "n_scenes": [5, 99, 200]})
    >>> key = {"segment_id": ["rain=heavy"], "model_id": ["m"], "metric": ["fde"]}
    >>> gaps = pa.table({**key, "target": [2.0], "gap": [1.0], "n_labelled": [5], "n_unlabelled": [50]})
    >>> scene_needs(attributes, segments, gaps, pa.table({**key, "verdict": ["data_limited"]})).value.tolist()
    [6.0, 1.0]
    """
    n = attributes.num_rows
    best, least = np.ones(n), np.ones(n)
    which = np.full(n, -1)
    listed = _listed(gaps, verdicts)
    conditions, known = _conditions(segments), set(attributes.column_names)
    total = _total(segments, "labelled"), _total(segments, "unlabelled")
    for number, row in enumerate(listed):
        where = conditions.get(row["segment_id"])
        factor = _factor(row, *total)
        if not where or factor == 1.0 or not where.keys() <= known:
            continue
        mine = members(attributes, where)
        least[mine] = np.minimum(least[mine], factor)
        raised = mine & (factor > best)
        best[raised], which[raised] = factor, number
    names = [listed[i]["segment_id"] if i >= 0 else "" for i in which.tolist()]
    said = [listed[i]["verdict"] if i >= 0 else "" for i in which.tolist()]
    return Needs(best * least, names, said)


def _listed(gaps: pa.Table, verdicts: pa.Table) -> list[dict[str, Any]]:
    """The gaps with their verdicts, of each segment the metric that misses its target most."""
    key = ("segment_id", "model_id", "metric")
    verdict = {tuple(row[k] for k in key): row["verdict"] for row in verdicts.select([*key, "verdict"]).to_pylist()}
    worst: dict[str, dict[str, Any]] = {}
    for row in gaps.to_pylist():
        row["verdict"] = verdict.get(tuple(row[k] for k in key), "")
        held = worst.get(row["segment_id"])
        if held is None or _miss(row) > _miss(held):
            worst[row["segment_id"]] = row
    return [worst[name] for name in sorted(worst)]


def _conditions(segments: pa.Table) -> dict[str, dict[str, str]]:
    rows = segments.select(["segment_id", "attributes", "values"]).to_pylist()
    return {row["segment_id"]: dict(zip(row["attributes"], row["values"], strict=True)) for row in rows}


def _total(segments: pa.Table, status: str) -> int:
    mine = pc.and_(pc.equal(segments["n_way"], 0), pc.equal(segments["status"], status))
    return int(pc.sum(segments["n_scenes"].filter(mine)).as_py() or 0)


def _miss(row: dict[str, Any]) -> float:
    if row["gap"] is None or not row["target"]:
        return 0.0
    return max(0.0, float(row["gap"]) / abs(float(row["target"])))  # NaN, which is not above 0, gives 0


def _factor(row: dict[str, Any], n_labelled: int, n_unlabelled: int) -> float:
    if row["verdict"] in _NO_CURE:
        return LEAST
    exponent = _SHORT.get(row["verdict"])
    if exponent is None:
        return 1.0
    thin = (row["n_unlabelled"] / max(n_unlabelled, 1)) / ((row["n_labelled"] + 1) / (n_labelled + 1))
    return float(np.clip(thin * (1 + _miss(row)), 1.0, MOST) ** exponent)
