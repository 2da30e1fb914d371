"""The whole diagnosis in one call: segments, metrics and whatever evidence there is, to gaps and verdicts.

Time: see `curves`; the rest grows with the gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import DiagnosisConfig, MetricConfig
from oddloop.coverage.arrays import FloatArray, read_numbers
from oddloop.coverage.diagnosis.curves import Aims, Evidence, summarize_curves
from oddloop.coverage.diagnosis.errors import PointTable, find_best, to_error
from oddloop.coverage.diagnosis.gaps import look_up, measure_gaps
from oddloop.coverage.diagnosis.hints import Hints, count_votes
from oddloop.coverage.diagnosis.history import RoundTable, resample_rounds
from oddloop.coverage.diagnosis.resamples import resample
from oddloop.coverage.diagnosis.sentences import explain, name_change
from oddloop.coverage.diagnosis.verdicts import STRONG_SEEDS, STRONG_SIZES, Case, Judged, judge
from oddloop.derived_tables import CURVE_POINTS, CURVES, GAPS, ROUND_HISTORY, SEGMENT_HINTS, VERDICTS

_CURVE_NUMBERS = (
    *("n_sizes", "n_seeds", "chance", "label_chance", "fall_chance", "n_needed", "n_needed_low", "n_needed_high"),
    *("c", "c_low", "c_high", "target"),
)


@dataclass(frozen=True, eq=False)
class Clues:
    """The evidence beyond the measured values; each table may have no rows.

    Attributes:
        curve_points: strong: `derived_tables.CURVE_POINTS`.
        history: middle: `derived_tables.ROUND_HISTORY`.
        hints: weak, and the check of labels for all tiers: `derived_tables.SEGMENT_HINTS`.
        targets: segment_id, metric and target, where a segment's own differs from that of its metric; or None.
    """

    curve_points: pa.Table = field(default_factory=CURVE_POINTS.empty)
    history: pa.Table = field(default_factory=ROUND_HISTORY.empty)
    hints: pa.Table = field(default_factory=SEGMENT_HINTS.empty)
    targets: pa.Table | None = None


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What the diagnosis makes.

    Attributes:
        gaps: `derived_tables.GAPS`.
        verdicts: `derived_tables.VERDICTS`, a row for each gap, in the same order.
        curves: `derived_tables.CURVES`, of the gaps that have points.
    """

    gaps: pa.Table
    verdicts: pa.Table
    curves: pa.Table


def diagnose(
    segments: pa.Table,
    segment_metrics: pa.Table,
    metrics: Mapping[str, MetricConfig],
    clues: Clues,
    rules: DiagnosisConfig,
    rng: np.random.Generator,
) -> Diagnosis:
    """Say of every segment that should reach a target whether it does, and why not.

    Args:
        segments: `derived_tables.SEGMENTS`.
        segment_metrics: `derived_tables.SEGMENT_METRICS`.
        metrics: direction and target by metric.
        clues: the evidence.
        rules: when a gap is called what.
        rng: draws the resamples.

    Raises:
        TableError: a column is missing.

    >>> from oddloop.derived_tables import SEGMENTS, SEGMENT_METRICS
    >>> found = diagnose(SEGMENTS.empty(), SEGMENT_METRICS.empty(), {"recall": MetricConfig("higher", 0.9)}, Clues(),
    ...     DiagnosisConfig(), np.random.default_rng(0))
    >>> found.verdicts.num_rows
    0
    """
    gaps = measure_gaps(segments, segment_metrics, metrics, clues.targets)
    verdicts, curves = [VERDICTS.empty()], [CURVES.empty()]
    for model, metric in _pairs(gaps):
        is_mine = pc.and_(pc.equal(gaps["model_id"], model), pc.equal(gaps["metric"], metric))
        mine = _MetricGaps(gaps.filter(is_mine), metric, metrics[metric], clues.hints)
        strong = mine.curves(PointTable(clues.curve_points, metric, metrics[metric]), rules, rng)
        rounds = mine.curves(RoundTable(clues.history, metric, metrics[metric]), rules, rng)
        curves += [strong]
        verdicts.append(mine.verdicts(strong, rounds, rules))
    tables = (pa.concat_tables(parts).combine_chunks() for parts in (verdicts, curves))
    return Diagnosis(gaps, *tables)


def _pairs(gaps: pa.Table) -> list[tuple[str, str]]:
    found = gaps.group_by(["model_id", "metric"], use_threads=False).aggregate([])
    return list(zip(found["model_id"].to_pylist(), found["metric"].to_pylist(), strict=True))


class _MetricGaps:
    """The gaps of one model and metric, and what is known of them."""

    def __init__(self, gaps: pa.Table, name: str, metric: MetricConfig, hints: pa.Table) -> None:
        self.gaps, self.name, self.metric = gaps, name, metric
        self.segments = gaps["segment_id"].combine_chunks()
        mine = hints.filter(pc.equal(hints["metric"], name))
        wanted = ("train_value", "distance_ratio", "epistemic_share", "disagreement", "n_relabelled")
        self.hints = {
            column: look_up(self.segments, mine["segment_id"], read_numbers(mine, column, "segment_hints"))
            for column in wanted
        }

    def number(self, column: str) -> FloatArray:
        """(R,) a column of the gaps, NaN where null."""
        return read_numbers(self.gaps, column, "gaps")

    def curves(self, points: Evidence, rules: DiagnosisConfig, rng: np.random.Generator) -> pa.Table:
        """Curves of the segments that have both points and a gap."""
        known = pc.is_in(points.segment_ids, value_set=self.segments).to_numpy(zero_copy_only=False)
        at = points.segment_ids
        values = {
            "target": self.number("target"),
            "n_labelled": self.number("n_labelled"),
            "disagreement": self.hints["disagreement"],
            "n_relabelled": self.hints["n_relabelled"],
        }
        keys = pa.chunked_array([self.segments])
        found = {name: look_up(at, keys, v) for name, v in values.items()}
        found["target"] = np.nan_to_num(found["target"])
        found["n_labelled"] = np.nan_to_num(found["n_labelled"], nan=1.0)
        draw = resample_rounds if isinstance(points, RoundTable) else resample
        table = summarize_curves(points, self.name, self.metric, Aims(**found), rules, rng, draw)
        return table.filter(pa.array(known))

    def verdicts(self, strong: pa.Table, rounds: pa.Table, rules: DiagnosisConfig) -> pa.Table:
        """`derived_tables.VERDICTS`: curves where there are any, else rounds, else hints."""
        found = {name: self._best_of(strong, rounds, name) for name in _CURVE_NUMBERS}
        is_strong = (found["n_sizes"] >= STRONG_SIZES) & (found["n_seeds"] >= STRONG_SEEDS)
        case = Case(
            self.number("gap"),
            self.number("half_width"),
            self.number("n_labelled"),
            found["chance"],
            found["label_chance"],
            found["fall_chance"],
            is_strong,
            count_votes(self._hints(), rules.label_share),
        )
        return self._table(judge(case, rules), found, rules)

    def _best_of(self, strong: pa.Table, rounds: pa.Table, column: str) -> FloatArray:
        first, second = (
            look_up(self.segments, t["segment_id"], read_numbers(t, column, "curves")) for t in (strong, rounds)
        )
        has_first = pc.is_in(self.segments, value_set=strong["segment_id"].combine_chunks())
        result: FloatArray = np.where(has_first.to_numpy(zero_copy_only=False), first, second)
        return result

    def _hints(self) -> Hints:
        value, target = self.number("value"), self.number("target")
        best = find_best(np.concatenate([value, self.hints["train_value"]]), self.metric)
        errors = (to_error(v, self.metric, best) for v in (value, target, self.hints["train_value"]))
        others = (self.hints[name] for name in ("distance_ratio", "epistemic_share", "disagreement"))
        return Hints(*errors, *others)

    def _table(self, judged: Judged, found: dict[str, FloatArray], rules: DiagnosisConfig) -> pa.Table:
        is_data = judged.verdict == "data_limited"
        have = self.number("n_labelled")
        needed = {
            name: np.where(is_data, np.maximum(found[name] - have, 0), np.nan)
            for name in ("n_needed", "n_needed_low", "n_needed_high")
        }
        whole = np.ceil(needed["n_needed"])
        to_label = np.minimum(whole, self.number("n_unlabelled"))
        columns = {
            "verdict": pa.array(judged.verdict.tolist(), pa.string()),
            "tier": pa.array(judged.tier.tolist(), pa.string()),
            "hedged": pa.array(judged.hedged),
            "chance": _nullable(found["chance"]),
            **{name: _nullable(values) for name, values in needed.items()},
            "n_to_label": _nullable(to_label).cast(pa.int64()),
            "n_to_drive": _nullable(whole - to_label).cast(pa.int64()),
        }
        more = {name: _nullable(found[name]) for name in ("c", "c_low", "c_high")}
        more |= {"target_error": _nullable(found["target"]), "disagreement": _nullable(self.hints["disagreement"])}
        gaps = {c.name: self.gaps[c.name].combine_chunks() for c in GAPS.columns}
        rows = pa.table(gaps | columns | more).to_pylist()
        columns["because"] = pa.array([explain(row) for row in rows], pa.string())
        columns["would_change"] = pa.array([name_change(row, rules.reach) for row in rows], pa.string())
        table = gaps | columns
        return pa.table([table[c.name] for c in VERDICTS.columns], schema=VERDICTS.schema())


def _nullable(values: FloatArray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))
