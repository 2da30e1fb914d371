"""Which scores find errors, and which only count objects: the audit of many scores at once, on plain arrays.

Every score, and the baselines `random`, `object_count` and `scene_length`, gets the statistics of `sample.py`, each
with a 95 % percentile interval from a cluster bootstrap: whole logs are drawn with replacement, the same draws for all
scores, so that the gain over the object count (found by the score less found by the count, on the same rows) has an
interval of its own. Fewer logs than `min_logs` give no interval. Rows without a valid score are left out and counted;
the object count that the score is held against is then taken on the same rows.

Nothing is corrected for the number of scores: the best of fifty looks better than it is.

Time grows with scores x rows x resamples: 100 scores of 2,000 scenes and 500 resamples take seconds. Memory grows with
scores x resamples, plus a block of rows x resamples that is bounded unless the rows alone exceed it.

References:
    Davison and Hinkley, Bootstrap methods and their application, 1997, sections 3.8 and 5.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.derived_tables import AUDIT
from oddloop.score.arrays import FloatArray
from oddloop.score.audit.resampled import BASELINES, AuditRows, Judged, Resampled
from oddloop.score.audit.sample import SHARES
from oddloop.tables import TASKS

_AT = tuple(round(100 * share) for share in SHARES)
_STATISTICS = ("rank_correlation", "beyond_count", *(f"found_at_{percent}" for percent in _AT))
_GAINS = tuple(f"gain_at_{percent}" for percent in _AT)


@dataclass(frozen=True)
class AuditConfig:
    """How sure the audit is: resamples, and the fewest logs that give an interval; and how many scores get a curve."""

    n_bootstrap: int = 500
    min_logs: int = 5
    n_curves: int = 4


def audit_scores(
    scores: Mapping[str, npt.ArrayLike], rows: AuditRows, rng: np.random.Generator, config: AuditConfig | None = None
) -> pa.Table:
    """Say of each score how well it finds the errors, next to the baselines.

    Args:
        scores: (N,) values by name, larger = more worth labelling; not finite = not valid.
        rows: what is known of the rows.
        rng: source of the resamples.
        config: how sure; None is the defaults.

    Returns:
        `derived_tables.AUDIT`, best first: by the lower end of the gain over the object count at a tenth of the cost,
        or by the gain itself where there is no interval. Without rows all statistics are null.

    Raises:
        ValueError: arrays differ in length, an error, cost, count, level or length is not finite, an error or cost is
            negative, or a score has a baseline's name.

    >>> rows = AuditRows(errors=[3, 1, 0, 0], groups=["a", "a", "b", "b"], costs=[1, 1, 1, 1], counts=[5, 9, 1, 1])
    >>> audit = audit_scores({"risk_max": [0.9, 0.5, 0.1, 0.2]}, rows, np.random.default_rng(0))
    >>> audit["score"][0].as_py(), round(audit["found_at_20"][0].as_py(), 3)  # 0.8 of the first row: 2.4 of 4 errors
    ('risk_max', 0.6)
    """
    if taken := sorted(BASELINES & scores.keys()):
        raise ValueError(f"a score cannot have the name of a baseline: {', '.join(taken)}")
    config = config or AuditConfig()
    known = Resampled(rows, config.n_bootstrap, rng)
    columns = {name: known.column(values, f"score `{name}`") for name, values in scores.items()}
    judged = known.judge({**columns, **known.baselines()})
    found = sorted((_row(name, result, known, config) for name, result in judged.items()), key=_merit)
    ranked = [{**row, "rank": rank} for rank, row in enumerate(found, start=1)]
    return pa.Table.from_pylist(ranked, schema=AUDIT.schema())


def task_of(score: str) -> str:
    """The task that a score column is of, or `ood`; "" where its name begins with none.

    >>> task_of("detection_entropy_sum_mean"), task_of("our_own")
    ('detection', '')
    """
    return next((task for task in (*TASKS, "ood") if score.startswith(f"{task}_")), "")


def _row(name: str, judged: Judged, known: Resampled, config: AuditConfig) -> dict[str, object]:
    """A row of AUDIT, its rank left out."""
    is_baseline = name in BASELINES
    n_logs = len(np.unique(known.logs[judged.valid]))
    n = int(judged.valid.sum())
    row: dict[str, object] = {
        "score": name,
        "kind": "baseline" if is_baseline else "score",
        "task": "" if is_baseline else task_of(name),
        "n": n,
        "n_logs": n_logs,
        "n_excluded": len(judged.valid) - n,
    }
    for label, values in zip(_STATISTICS + _GAINS, [*judged.statistics, *judged.gains], strict=True):
        low, high = interval_of(values) if n_logs >= config.min_logs else (None, None)
        row |= {label: _number(values[0]), f"{label}_low": low, f"{label}_high": high}
    return row


def interval_of(values: FloatArray) -> tuple[float | None, float | None]:
    """95 % interval of a statistic, its value in the sample first; none where that, or every resample, has none."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not len(drawn) or not np.isfinite(values[0]):
        return None, None
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _merit(row: Mapping[str, object]) -> tuple[bool, bool, float, str]:
    """Sorts the best first: those with an interval by its lower end, then the rest by the gain itself."""
    low, gain = row["gain_at_10_low"], row["gain_at_10"]
    best = gain if low is None else low
    return low is None, gain is None, -best if isinstance(best, float) else 0.0, str(row["score"])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
