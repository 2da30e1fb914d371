"""Why each scene was picked: two to six reasons, each a code, a number and a sentence.

Codes: `score`, `spread`, `typical`, `cover`, `quota`, `explore`, `control`, `gain` (what the policy went by, and the
rule that let it in), `need` (the gap that it fills), `stands_for` (candidates nearer to it than to any other pick or
labelled scene), `novelty` (distance to the nearest labelled scene), `scarce` (labelled logs of its scarcest segment),
`cost`. A percentage is never rounded up to 100 or down to 0. Time O(n log n + (picks + 2,000) x labelled x d), since
candidates are compared by a sample, evenly spaced by scene_id, and not all. Memory O(n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.ids import id_array
from oddloop.select.arrays import rows_of
from oddloop.select.cost import amount
from oddloop.select.fan_out import fan_out
from oddloop.select.gap_driven import QUOTA
from oddloop.select.nearest import nearest
from oddloop.select.pool import Ints, Picks, Pool
from oddloop.select.registry import Policy
from oddloop.select.scarcity import scarcest_segment

Reason = dict[str, str | float | None]
"""`code`, `value` (None where there is no number) and `text`: one struct of PICKS' `reasons`."""
_MOST = 6
_SAMPLE = 2000


@dataclass(frozen=True)
class Evidence:
    """What reasons are made of, beside the pool and the picks.

    Attributes:
        score_column: name of the pool's score; "" where there is none.
        labelled_ids: (m,) scene_ids of the rows of `pool.labelled_vectors`.
        n_frames: (n,) frames of each candidate.
        n_objects: (n,) objects reported in each candidate.
        unit: unit of the costs.
        segments: SEGMENTS, or None.
        attributes: scene_id and a column per attribute, for at least the picked scenes, or None.
    """

    score_column: str
    labelled_ids: Sequence[str]
    n_frames: Ints
    n_objects: Ints
    unit: str
    segments: pa.Table | None = None
    attributes: pa.Table | None = None


def build_reasons(policy: Policy, picks: Picks, pool: Pool, evidence: Evidence) -> list[list[Reason]]:
    """Say why each pick was made.

    Args:
        policy: the policy that picked.
        picks: (k,) rows of the pool with gains.
        pool: the candidates.
        evidence: names and tables to speak of.

    Returns:
        k lists of at most six reasons, the policy's own first.

    >>> pool = Pool(np.array(["a", "b"], object), np.ones(2), np.array([0.5, 0.1]), np.array([True, True]),
    ...     np.zeros((2, 0)), np.zeros(2, bool), np.zeros((0, 0)))
    >>> evidence = Evidence("entropy_mean", [], np.array([10, 20]), np.array([0, 3]), "hours")
    >>> picks = Picks(np.array([0]), np.array([0.5]))
    >>> [r["text"] for r in build_reasons(Policy("mine", None), picks, pool, evidence)[0]]
    ['entropy_mean 0.5: higher than 50 % of 2 candidates', 'costs 1 hours: 10 frames, 0 objects reported']
    """
    kinds = (
        _by_policy(policy, picks, pool),
        _by_need(picks.rows, pool),
        _by_score(picks.rows, pool, evidence),
        _by_fan_out(picks.rows, pool),
        _by_novelty(picks.rows, pool, evidence),
        _by_scarcity(picks.rows, pool, evidence),
        _by_cost(picks.rows, pool, evidence),
    )
    return [[reason for reason in reasons if reason][:_MOST] for reasons in zip(*kinds, strict=True)]


def share_text(n_lower: int, n: int) -> str:
    """Share in whole percent that is 0 or 100 only where it is exactly so; a 0 is called `none`.

    >>> share_text(999, 1000), share_text(1, 1000), share_text(0, 1000), share_text(2, 3)
    ('99 %', '1 %', 'none', '67 %')
    """
    return f"{min(max(round(100 * n_lower / n), 1), 99)} %" if n_lower else "none"


def _by_policy(policy: Policy, picks: Picks, pool: Pool) -> list[Reason | None]:
    rules = picks.rules or ("",) * len(picks.rows)
    of_each = zip(picks.rows.tolist(), picks.gains.tolist(), rules, strict=True)
    return [_policy_reason(policy, pool, row, gain, rule) for row, gain, rule in of_each]


def _policy_reason(policy: Policy, pool: Pool, row: int, gain: float, rule: str) -> Reason | None:
    known = not np.isnan(gain)
    code, text = policy.rules.get(rule, policy.reason if known else policy.reason_without_gain)
    filled = [q.name for q in pool.quotas if q.minimum and row in q.rows] if rule == QUOTA else []
    text = text.format(gain=gain, quotas="; ".join(filled))
    return {"code": code, "value": gain if known else None, "text": text} if code else None


def _by_need(rows: Ints, pool: Pool) -> list[Reason | None]:
    if pool.need is None or pool.need_of is None:
        return [None] * len(rows)
    return [
        {"code": "need", "value": need, "text": f"{segment} ({said.replace('_', ' ')}): counts {need:.2g} times"}
        if segment and need > 1.05
        else None
        for need, (segment, said) in zip(
            pool.need[rows].tolist(), (pool.need_of[r] for r in rows.tolist()), strict=True
        )
    ]


def _by_score(rows: Ints, pool: Pool, evidence: Evidence) -> list[Reason | None]:
    ranked = np.sort(pool.score[pool.score_valid])
    lower = np.searchsorted(ranked, pool.score[rows])
    name, n = evidence.score_column, len(ranked)
    return [
        {"code": "score", "value": s, "text": f"{name} {s:.3g}: higher than {share_text(k, n)} of {n:,} candidates"}
        if valid
        else None
        for s, k, valid in zip(pool.score[rows].tolist(), lower.tolist(), pool.score_valid[rows].tolist(), strict=True)
    ]


def _by_fan_out(rows: Ints, pool: Pool) -> list[Reason | None]:
    sample = _sample_rows(pool)
    count, example = fan_out(rows, pool, sample)
    sampled = "" if len(sample) == int(pool.has_vector.sum()) else "sampled "
    return [
        {
            "code": "stands_for",
            "value": float(n),
            "text": f"stands for {n:,} of {len(sample):,} {sampled}candidates, such as {pool.scene_ids[like]}",
        }
        if n
        else None
        for n, like in zip(count.tolist(), example.tolist(), strict=True)
    ]


def _by_novelty(rows: Ints, pool: Pool, evidence: Evidence) -> list[Reason | None]:
    reasons: list[Reason | None] = [None] * len(rows)
    at = np.flatnonzero(pool.has_vector[rows])
    if not len(pool.labelled_vectors) or not len(at):
        return reasons
    distance, which = nearest(pool.vectors_of(rows[at]), pool.labelled_vectors)
    sample = np.sort(nearest(_sample(pool), pool.labelled_vectors)[0])
    lower = np.searchsorted(sample, distance)
    whom = f"{len(sample):,} {'sampled ' if pool.has_vector.sum() > len(sample) else ''}candidates"
    for i, d, near, k in zip(at.tolist(), distance.tolist(), which.tolist(), lower.tolist(), strict=True):
        text = f"{d:.3g} in vector space from the nearest labelled scene, {evidence.labelled_ids[near]}: "
        text += f"farther than {share_text(k, len(sample))} of {whom}"
        reasons[i] = {"code": "novelty", "value": d, "text": text}
    return reasons


def _sample(pool: Pool) -> npt.NDArray[np.floating]:
    return pool.vectors_of(_sample_rows(pool))


def _sample_rows(pool: Pool) -> Ints:
    rows: Ints = np.flatnonzero(pool.has_vector)
    k = min(_SAMPLE, len(rows))
    return rows[np.arange(k) * len(rows) // max(k, 1)]


def _by_scarcity(rows: Ints, pool: Pool, evidence: Evidence) -> list[Reason | None]:
    if evidence.segments is None or evidence.attributes is None:
        return [None] * len(rows)
    at = rows_of(evidence.attributes, id_array(pool.scene_ids[rows]))
    scarcest = scarcest_segment(evidence.attributes.take(at), evidence.segments)
    return [
        {"code": "scarce", "value": float(n), "text": f"{name} has {n:,} labelled log{'' if n == 1 else 's'}"}
        if found
        else None
        for found, name, n in zip(
            scarcest.found.tolist(), scarcest.segment_id, scarcest.n_labelled_logs.tolist(), strict=True
        )
    ]


def _by_cost(rows: Ints, pool: Pool, evidence: Evidence) -> list[Reason | None]:
    counts = zip(
        pool.costs[rows].tolist(), evidence.n_frames[rows].tolist(), evidence.n_objects[rows].tolist(), strict=True
    )
    return [
        {"code": "cost", "value": c, "text": f"costs {amount(c)} {evidence.unit}: {f:,} frames, {o:,} objects reported"}
        for c, f, o in counts
    ]
