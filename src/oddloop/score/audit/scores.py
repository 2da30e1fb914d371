"""Which scores find errors, and which only count objects: the audit of any number of scores at once, on plain arrays.

Every score, and the baselines `random`, `object_count` and `scene_length`, gets the statistics of `sample.py`, each with
a percentile interval from a cluster bootstrap: whole logs are drawn with replacement, the same draws for all scores, so
that the gain over the object count (found by the score less found by the count, on the same rows) has an interval of
its own. Fewer logs than `min_logs` give no interval. Rows without a valid score are left out and counted; the object
count that the score is held against is then taken on the same rows.

Nothing is corrected for the number of scores: the best of fifty looks better than it is.

Time grows with scores x rows x resamples: 100 scores of 2,000 scenes and 500 resamples take seconds. Memory grows with
the scores, plus blocks of rows x resamples.

References:
    Davison and Hinkley, Bootstrap methods and their application, 1997, sections 3.8 and 5.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.derived_tables import AUDIT
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.audit.sample import N_STATISTICS, SHARES, Sample
from oddloop.tables import TASKS

RANDOM, OBJECT_COUNT, SCENE_LENGTH = "random", "object_count", "scene_length"
_BLOCK = 1 << 21


@dataclass(frozen=True)
class AuditConfig:
    """How sure the audit is: resamples, coverage of the intervals, and the fewest logs that give one."""

    n_bootstrap: int = 500
    confidence: float = 0.95
    min_logs: int = 5


@dataclass(frozen=True)
class AuditRows:
    """The rows, scenes or frames alike, whose errors are known.

    Attributes:
        errors: (N,) errors in each, 0 or more; they are added up.
        groups: (N,) log of each, of any type that sorts.
        costs: (N,) labelling cost of each, 0 or more.
        counts: (N,) objects that the model reported in each.
        levels: (N,) error level to rank against, larger = worse; None: the errors themselves.
        lengths: (N,) length of each; None: no such baseline.
    """

    errors: npt.ArrayLike
    groups: npt.ArrayLike
    costs: npt.ArrayLike
    counts: npt.ArrayLike
    levels: npt.ArrayLike | None = None
    lengths: npt.ArrayLike | None = None


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
    >>> audit.select(["score", "found_at_20", "gain_at_20"]).to_pylist()[0]  # 0.8 of the first row: 2.4 of 4 errors
    {'score': 'risk_max', 'found_at_20': 0.6000000000000001, 'gain_at_20': 0.4}
    """
    known = _Known(rows, rng, config or AuditConfig())
    columns = {name: known.column(values, f"score `{name}`", finite=False) for name, values in scores.items()}
    baselines = known.baselines()
    if taken := sorted(columns.keys() & {RANDOM, OBJECT_COUNT, SCENE_LENGTH}):
        raise ValueError(f"a score cannot have the name of a baseline: {', '.join(taken)}")
    found = [known.row(name, *parts) for name, parts in known.judge_all({**columns, **baselines}).items()]
    found.sort(key=_merit)
    ranked = [{**row, "rank": rank} for rank, row in enumerate(found, start=1)]
    return pa.Table.from_pylist(ranked, schema=AUDIT.schema())


@dataclass(frozen=True)
class _Known:
    """The rows as checked arrays, and the resamples, drawn once for all scores."""

    rows: AuditRows
    rng: np.random.Generator
    config: AuditConfig
    errors: FloatArray = field(init=False)
    costs: FloatArray = field(init=False)
    counts: FloatArray = field(init=False)
    levels: FloatArray = field(init=False)
    logs: IntArray = field(init=False)
    draws: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        set_field = object.__setattr__  # frozen: the arrays follow from the rows
        set_field(self, "logs", np.unique(np.asarray(self.rows.groups), return_inverse=True)[1])
        for name in ("errors", "costs", "counts", "levels"):
            given = getattr(self.rows, name)
            set_field(self, name, self.column(self.rows.errors if given is None else given, name))
        for name in ("errors", "costs"):
            if (getattr(self, name) < 0).any():
                raise ValueError(f"{name} must be 0 or more; got {getattr(self, name).min():g}")
        set_field(self, "draws", self._draw())

    def _draw(self) -> FloatArray:
        """(L,1+B) how often each log counts: once in the sample itself, which comes first, then as drawn."""
        n_logs = int(self.logs.max(initial=-1)) + 1
        drawn = self.rng.multinomial(n_logs, np.full(n_logs, 1 / max(n_logs, 1)), size=self.config.n_bootstrap)
        return np.concatenate([np.ones((n_logs, 1)), drawn.T], axis=1)

    def column(self, values: npt.ArrayLike, name: str, *, finite: bool = True) -> FloatArray:
        array = np.asarray(values, np.float64)
        if array.shape != self.logs.shape:
            raise ValueError(f"{name} has shape {array.shape}, but there are {len(self.logs)} rows")
        if finite and not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite; leave out the rows where it is not known")
        return array

    def baselines(self) -> dict[str, FloatArray]:
        """What any score has to beat; chance is a score that is the same everywhere."""
        found = {RANDOM: np.zeros(len(self.logs)), OBJECT_COUNT: self.counts}
        if self.rows.lengths is not None:
            found[SCENE_LENGTH] = self.column(self.rows.lengths, "lengths")
        return found

    def judge_all(self, columns: Mapping[str, FloatArray]) -> dict[str, tuple[BoolArray, FloatArray, FloatArray]]:
        """By name: valid rows, (N_STATISTICS,1+B) statistics, and (SHARES,1+B) gains over the count on those rows."""
        valid = {name: np.isfinite(values) for name, values in columns.items()}
        alike: dict[bytes, list[str]] = {}
        for name, mask in valid.items():
            alike.setdefault(mask.tobytes(), []).append(name)
        found = {}
        for names in alike.values():
            mask = valid[names[0]]
            *own, count = self._judge([*(columns[name][mask] for name in names), self.counts[mask]], mask)
            found |= {name: (mask, own[i], own[i][2:] - count[2:]) for i, name in enumerate(names)}
        return {name: found[name] for name in columns}

    def _judge(self, columns: list[FloatArray], mask: BoolArray) -> FloatArray:
        """(S,N_STATISTICS,1+B) statistics of (n,) scores on the rows of a mask."""
        if not mask.any():
            return np.full((len(columns), N_STATISTICS, self.draws.shape[1]), np.nan)
        return np.concatenate([[s.judge(c) for c in columns] for s in self._samples(mask)], axis=2)

    def _samples(self, mask: BoolArray) -> Iterator[Sample]:
        """The rows of a mask under some of the resamples at a time."""
        known = [array[mask] for array in (self.levels, self.counts, self.errors, self.costs)]
        size = max(_BLOCK // int(mask.sum()), 1)
        for start in range(0, self.draws.shape[1], size):
            yield Sample(*known, self.draws[:, start : start + size][self.logs[mask]])

    def row(self, name: str, mask: BoolArray, statistics: FloatArray, gains: FloatArray) -> dict[str, object]:
        """A row of AUDIT, its rank left out."""
        is_baseline = name in (RANDOM, OBJECT_COUNT, SCENE_LENGTH)
        n, n_logs = int(mask.sum()), len(np.unique(self.logs[mask]))
        result: dict[str, object] = {
            "score": name,
            "kind": "baseline" if is_baseline else "score",
            "task": "" if is_baseline else task_of(name),
            "n": n,
            "n_logs": n_logs,
            "n_excluded": len(mask) - n,
        }
        for label, values in zip(_LABELS, [*statistics, *gains], strict=True):
            result[label] = _number(values[0])
            low, high = self._interval(values, n_logs)
            result |= {f"{label}_low": low, f"{label}_high": high}
        return result

    def _interval(self, values: FloatArray, n_logs: int) -> tuple[float | None, float | None]:
        drawn = values[1:][np.isfinite(values[1:])]
        if n_logs < self.config.min_logs or not len(drawn) or not np.isfinite(values[0]):
            return None, None
        tail = (1 - self.config.confidence) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return float(low), float(high)


_LABELS = (
    "rank_correlation",
    "beyond_count",
    *(f"found_at_{round(100 * share)}" for share in SHARES),
    *(f"gain_at_{round(100 * share)}" for share in SHARES),
)


def task_of(score: str) -> str:
    """The task that a score column is of; "" where its name begins with none.

    >>> task_of("detection_entropy_sum_mean"), task_of("our_own")
    ('detection', '')
    """
    return next((task for task in TASKS if score.startswith(f"{task}_")), "")


def _merit(row: Mapping[str, object]) -> tuple[bool, bool, float, str]:
    """Sorts the best first: those with an interval by its lower end, then by the gain itself, then those without."""
    low, gain = row["gain_at_10_low"], row["gain_at_10"]
    best = low if low is not None else gain
    return low is None, gain is None, -float(str(best)) if best is not None else 0.0, str(row["score"])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
