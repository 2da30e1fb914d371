"""The learning curve of each segment and what it says of a target: chance to reach it, scenes needed, floor.

Two passes over the segments, a few at a time: one for what all exponents have in common (`exponents`), one that fits
every resample (`resamples`) and weighs it (`floors`). Time grows with segments x resamples x trainings x (logs +
exponents): 1,000 segments with 30 trainings and 400 resamples take about half a minute; memory is bounded by a block of
segments. `fall_chance` counts, unweighed, the resamples whose floor is at most 80 % of the error now, so that points
which say nothing are not answered by what floors are like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from oddloop.config import DiagnosisConfig, MetricConfig
from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.diagnosis.errors import to_error
from oddloop.coverage.diagnosis.exponents import pool_exponents
from oddloop.coverage.diagnosis.fit import EXPONENTS, Curves, fit_curves, profile_costs
from oddloop.coverage.diagnosis.floors import weigh_floors, weighted_quantiles, weighted_share
from oddloop.coverage.diagnosis.resamples import Points, Resamples, draw_logs, point_weights, resample
from oddloop.derived_tables import CURVES

_TAILS = (0.05, 0.5, 0.95)
_STILL_FALLING = 0.8


class Evidence(Protocol):
    """Points of many segments: `errors.PointTable` or `history.RoundTable`."""

    segment_ids: pa.Array
    best: float

    @property
    def n_logs(self) -> int:
        """Held-out logs."""

    def blocks(self) -> Iterator[Any]:
        """A few segments at a time."""


Draw = Callable[[Any, FloatArray, np.random.Generator], Resamples]
"""Redraws the points of some segments."""


@dataclass(frozen=True, eq=False)
class Aims:
    """What is asked of each of S segments; NaN where it is not known.

    Attributes:
        target: level of the metric to reach.
        n_labelled: labelled scenes now.
        disagreement: error of the labels against a careful second labelling.
        n_relabelled: things that were labelled a second time.
    """

    target: FloatArray
    n_labelled: FloatArray
    disagreement: FloatArray
    n_relabelled: FloatArray

    def take(self, rows: IntArray) -> Aims:
        """The aims of some segments."""
        return Aims(self.target[rows], self.n_labelled[rows], self.disagreement[rows], self.n_relabelled[rows])


def summarize_curves(
    points: Evidence,
    name: str,
    metric: MetricConfig,
    aims: Aims,
    rules: DiagnosisConfig,
    rng: np.random.Generator,
    draw: Draw = resample,
) -> pa.Table:
    """Fit and extrapolate the curves of one metric.

    Args:
        points: its curve points.
        name: its name.
        metric: its direction.
        aims: one per segment of the points; the target is not NaN.
        rules: how far to extrapolate, and with how many resamples.
        rng: draws the resamples.
        draw: how a resample is drawn.

    Returns:
        `derived_tables.CURVES`, one row per segment of the points.
    """
    logs = draw_logs(points.n_logs, rules.n_resamples, rng)
    costs = [_scaled_costs(block) for block in points.blocks()]
    prior = pool_exponents(np.concatenate(costs), EXPONENTS) if costs else (0.0, 1.0)
    aims = Aims(to_error(aims.target, metric, points.best), aims.n_labelled, aims.disagreement, aims.n_relabelled)
    parts: list[dict[str, FloatArray | IntArray]] = []
    for block in points.blocks():
        curves = _fit(block, prior, draw(block, logs, rng), rng)
        answers = _answers(curves.drawn, aims.take(block.segments), rules, rng)
        parts.append({**_counts(block), **curves.columns(), **answers})
    columns: dict[str, Any] = {"segment_id": points.segment_ids, "metric": [name] * len(points.segment_ids)}
    columns |= {key: np.concatenate([part[key] for part in parts]) for key in (parts[0] if parts else ())}
    columns |= {"target": aims.target}
    return pa.table([_typed(columns.get(c.name, []), c.type) for c in CURVES.columns], schema=CURVES.schema())


def _typed(values: object, kind: pa.DataType) -> pa.Array:
    """NaN and infinity are null: a number of scenes that never comes, or what nobody knows."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return pa.array(values, kind, mask=~np.isfinite(values))
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)


def _sizes(errors: Points) -> FloatArray:
    return np.maximum(errors.n, 0.5)  # a point without scenes has no weight; its place does not matter


def _scaled_costs(errors: Points) -> FloatArray:
    """(S,A) profile of the sum of squares, over the variance of the residuals."""
    costs = profile_costs(_sizes(errors), errors.mean, point_weights(errors))
    scaled: FloatArray = costs / np.maximum(_noise(errors, costs) ** 2, 1e-24)[:, None]
    return scaled


def _noise(errors: Points, costs: FloatArray) -> FloatArray:
    """(S,) standard deviation of a point of weight 1 about the best curve, which has three parameters."""
    n_points = (point_weights(errors) > 0).sum(axis=1)
    noise: FloatArray = np.sqrt(costs.min(axis=1) / np.maximum(n_points - 3, 1))
    return noise


@dataclass(frozen=True, eq=False)
class _Fitted:
    """(S,1) best curves, and (S,B) curves of the resamples."""

    best: Curves
    drawn: Curves

    def columns(self) -> dict[str, FloatArray]:
        """The best curves."""
        return {"a": self.best.a[:, 0], "b": self.best.b[:, 0], "c": self.best.c[:, 0]}


def _fit(errors: Points, prior: tuple[float, float], drawn: Resamples, rng: np.random.Generator) -> _Fitted:
    n, weights = _sizes(errors), point_weights(errors)
    noise = _noise(errors, profile_costs(n, errors.mean, weights))
    centre, spread = prior
    middle = np.full((len(n), 1), centre)
    best = fit_curves(n, errors.mean[:, None], weights[:, None], noise=noise, prior=(middle, spread))
    # The prior is redrawn too, so that where the points say little the exponent is as doubtful as the prior.
    centres = centre + spread * rng.normal(size=drawn.errors.shape[:2])
    return _Fitted(best, fit_curves(n, drawn.errors, drawn.weights, noise=noise, prior=(centres, spread)))


def _counts(errors: Points) -> dict[str, IntArray]:
    """How many sizes, seeds and logs stand behind each curve, and its largest training."""
    use = errors.is_measured > 0
    sizes, seeds = (
        np.stack([use[:, of == v].any(axis=1) for v in np.unique(of)]).sum(axis=0) for of in (errors.size, errors.seed)
    )
    counts = {
        "n_sizes": sizes,
        "n_seeds": seeds,
        "n_logs": errors.log_counts,
        "n_scenes": errors.n.max(axis=1, initial=0),
    }
    return {name: np.asarray(values, np.int64) for name, values in counts.items()}


def _answers(curves: Curves, aims: Aims, rules: DiagnosisConfig, rng: np.random.Generator) -> dict[str, FloatArray]:
    """What the resampled curves, (S,B), say of each aim."""
    target, now = aims.target[:, None], np.maximum(aims.n_labelled, 1)[:, None]
    weight = weigh_floors(curves.c, curves.error_at(now))
    far = curves.error_at(rules.reach * now)
    known = np.isfinite(curves.a)
    needed = weighted_quantiles(np.where(known, curves.scenes_for(target), np.inf), weight, _TAILS)
    floor = weighted_quantiles(np.where(known, curves.c, np.inf), weight, _TAILS)
    return {
        "chance": weighted_share(far <= target, weight),
        "label_chance": _label_chance(far, aims, rules, rng, weight),
        "fall_chance": weighted_share(curves.c <= _STILL_FALLING * curves.error_at(now), known.astype(np.float64)),
        "c_low": floor[0],
        "c_high": floor[2],
        "n_needed_low": needed[0],
        "n_needed": needed[1],
        "n_needed_high": needed[2],
    }


def _label_chance(
    far: FloatArray, aims: Aims, rules: DiagnosisConfig, rng: np.random.Generator, weight: FloatArray
) -> FloatArray:
    """(S,) probability that labels disagree by most of what is left, or all that is missing; NaN: nobody looked."""
    n = np.nan_to_num(np.maximum(aims.n_relabelled, 1), nan=1.0)[:, None]
    wrong = aims.disagreement[:, None] * rng.gamma(n, 1 / n, size=far.shape)
    explained = (wrong >= rules.label_share * far) | (far - wrong <= aims.target[:, None])
    return np.where(np.isfinite(aims.disagreement), weighted_share(explained, weight), np.nan)
