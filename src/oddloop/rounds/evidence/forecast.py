"""What the next round is said to bring before it is labelled, and whether past rounds came as they were said to.

With v the metric of the newest model, h the mean of the models on halves of the same picks (`halves`), and x the
logarithm of labelling cost at which each was trained:

    gain        (h - v) / (x of v - x of h) x (x of the next model - x of v)      what a straight line would give
    forecast    v - gain / 2                                                     learning curves flatten
    half width  t(df) s / sqrt(2)

s² is the variance of models on halves about their round's mean, of all rounds so far: the luck of picks and trainings.
A model on all picks has half as much of it. The half width is widened by the record of past forecasts
(`intervals.widening`). Held-out scenes are the same each time, so that their luck is in none of it. Before the first
round nothing is said: labels from before show nothing of what a policy's picks bring. Both choices, the half of the
gain and the half of the variance, were made on simulated fleets that no test uses (bench/RESULTS.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtrit

from oddloop.intervals import exact_interval, widening
from oddloop.rounds.state import RoundState

CONFIDENCE = 0.9


def half_points(metrics: pa.Table, metric: str) -> list[float]:
    """The metric of each model that was trained on a half: sum of value x support over sum of support.

    >>> rows = {"split": [0, 0], "half": [0, 0], "metric": ["x", "x"], "value": [1.0, 4.0], "support": [2, 1]}
    >>> half_points(pa.table(rows), "x")
    [2.0]
    """
    mine = metrics.filter(pc.equal(metrics["metric"], metric))
    mine = mine.filter(pc.and_(pc.is_finite(mine["value"]), pc.greater(mine["support"], 0)))
    mine = mine.append_column("total", pc.multiply(mine["value"], mine["support"]))
    sums = mine.group_by(["split", "half"], use_threads=False).aggregate([("total", "sum"), ("support", "sum")])
    return [float(v) for v in pc.divide(sums["total_sum"], sums["support_sum"]).to_pylist()]


@dataclass(frozen=True)
class HalvesAt:
    """A round's models on halves: cost of all labels of each, and their metric."""

    cost: float
    values: tuple[float, ...]


def predict(
    halves: Sequence[HalvesAt], now: tuple[float, float], cost: float, misses: Sequence[float]
) -> dict[str, float] | None:
    """Forecast the next model's metric.

    Args:
        halves: models on halves of the picks, by round, the newest last.
        now: cost of all labels and metric of the newest model.
        cost: of all labels once the next round is done.
        misses: of past forecasts, see `miss_of`.

    Returns:
        value, low, high, confidence, widened (what the interval was multiplied by) and n_models; None where fewer than
        two halves were measured, or costs do not rise.

    >>> found = predict([HalvesAt(150.0, (2.6, 2.4))], (200.0, 2.4), 266.7, [])  # gain (2.5 - 2.4) x 1, of which half
    >>> round(found["value"], 3), round(found["high"] - found["value"], 3)  # t(1) = 6.314, s = .1414
    (2.35, 0.631)
    """
    freedom = sum(len(one.values) - 1 for one in halves)
    if freedom < 1 or not 0 < halves[-1].cost < now[0] < cost:
        return None
    spread = sum(float(np.square(np.array(one.values) - np.mean(one.values)).sum()) for one in halves)
    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * math.sqrt(spread / freedom / 2)
    slope = (float(np.mean(halves[-1].values)) - now[1]) / math.log(now[0] / halves[-1].cost)
    value, factor = now[1] - slope * math.log(cost / now[0]) / 2, widening(misses, CONFIDENCE)
    ends = {"value": value, "low": value - factor * half, "high": value + factor * half}
    n_models = sum(len(one.values) for one in halves)
    return {**ends, "confidence": CONFIDENCE, "widened": factor, "n_models": n_models}


def miss_of(forecast: Mapping[str, Any], value: float) -> float:
    """How far a value lies from its forecast, in half widths as they were before they were widened.

    >>> miss_of({"value": 2.0, "low": 1.0, "high": 3.0, "widened": 2.0}, 2.5)
    1.0
    """
    half = (forecast["high"] - forecast["low"]) / 2 / forecast["widened"]
    off = abs(value - forecast["value"])
    return off / half if half > 0 else (0.0 if off == 0 else math.inf)


def check_forecasts(rounds: Sequence[RoundState]) -> list[dict[str, Any]]:
    """Forecast and what came, of each evaluated round that had a forecast; oldest first."""
    found = []
    for state in rounds:
        forecast = state.proposal.get("forecast")
        value = measured(state, forecast["metric"]) if forecast else None
        if forecast and value is not None:
            inside = forecast["low"] <= value <= forecast["high"]
            checked = {"came": value, "inside": inside, "miss": miss_of(forecast, value)}
            found.append({"round_id": state.round_id, **forecast, **checked})
    return found


def measured(state: RoundState, metric: str) -> float | None:
    """A round's value of a metric over all held-out scenes; None where it has none."""
    rows = [row for row in state.evaluation.get("overall", ()) if row["metric"] == metric]
    return None if not rows or rows[0]["value"] is None else float(rows[0]["value"])


def calibration(checked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many forecasts were right, with the exact interval of that share.

    >>> calibration([{"inside": True}, {"inside": False}])["sentence"]
    'of 2 forecasts 1 was inside its 90 % interval (95 %: 1 to 99 %)'
    """
    n, inside = len(checked), sum(bool(row["inside"]) for row in checked)
    if not n:
        return {"n": 0, "inside": 0, "low": None, "high": None, "sentence": "no forecast has been checked yet"}
    low, high = (float(end) for end in exact_interval(inside, n))
    forecasts, was = ("forecast", "was") if n == 1 else ("forecasts", "was" if inside == 1 else "were")
    share = f"95 %: {round(100 * low)} to {round(100 * high)} %"
    sentence = f"of {n} {forecasts} {inside} {was} inside its {CONFIDENCE:.0%} interval ({share})".replace(
        "90%", "90 %"
    )
    return {"n": n, "inside": inside, "low": low, "high": high, "sentence": sentence}
