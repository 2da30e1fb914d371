"""The verdict of each gap, from the best evidence that there is of it.

In this order, the first that holds:

- `ok`: the value meets the target by more than the half width of its interval;
- `coverage_gap`: fewer than `min_scenes` labelled scenes and no curve; what else is wrong cannot be seen yet;
- `eval_limited`: not measured, in too few logs for an interval, or the half width exceeds the distance to the target;
- `data_limited`: `reach` times the scenes reach the target with probability `data_chance` or more, and the curve surely
  still falls: with `SURELY_FALLS` or more, by the points alone;
- `label_noise_limited`: with `model_chance` or less, and wrong labels explain it with `data_chance` or more: they are
  `label_share` of the error there or more, or without them the target would be reached;
- `model_limited`: with `model_chance` or less, and wrong labels explain it with `label_doubt` or less, where they were
  checked;
- `undecided`: else.

Strong evidence are curves of six sizes and five seeds or more. Smaller curves, and the history of rounds, are middle
evidence: they must be twice as sure (the chances are halved towards 0 and 1), and hedge. Hints are weak evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.config import DiagnosisConfig
from oddloop.coverage.arrays import BoolArray, FloatArray
from oddloop.coverage.diagnosis.hints import Votes

STRONG_SIZES, STRONG_SEEDS = 6, 5
SURELY_FALLS = 0.95
Words = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Case:
    """(R,) what is known of each gap; NaN where nothing is.

    Attributes:
        gap: how far the value falls short of the target.
        half_width: half width of its interval, on the side of the target.
        n_labelled: labelled scenes.
        chance: probability that the target is reached within reach.
        label_chance: probability that wrong labels explain the error that remains.
        fall_chance: probability that the error still falls at the labelled scenes.
        is_strong: whether the chance comes from curves of enough sizes and seeds.
        votes: what the hints say.
    """

    gap: FloatArray
    half_width: FloatArray
    n_labelled: FloatArray
    chance: FloatArray
    label_chance: FloatArray
    fall_chance: FloatArray
    is_strong: BoolArray
    votes: Votes


@dataclass(frozen=True, eq=False)
class Judged:
    """(R,) verdict, evidence tier, and whether it is hedged."""

    verdict: Words
    tier: Words
    hedged: BoolArray


def judge(case: Case, rules: DiagnosisConfig) -> Judged:
    """Give the verdicts.

    >>> from oddloop.coverage.diagnosis.hints import Votes
    >>> none, one = np.array([False]), np.array([1.0])
    >>> case = Case(0.1 * one, 0.02 * one, 50 * one, 0.97 * one, np.nan * one, one, ~none, Votes(none, none, none))
    >>> judge(case, DiagnosisConfig()).verdict.tolist()
    ['data_limited']
    """
    has_curve = np.isfinite(case.chance)
    with np.errstate(invalid="ignore"):
        is_measured = np.isfinite(case.gap) & np.isfinite(case.half_width)
        is_unclear = ~is_measured | (case.half_width > np.abs(case.gap))
        is_met = ~is_unclear & (case.gap <= 0)
        sure, unsure, doubt = (
            np.where(case.is_strong, p, p / 2) for p in (1 - rules.data_chance, rules.model_chance, rules.label_doubt)
        )
        by_data = (case.chance >= 1 - sure) & (case.fall_chance >= SURELY_FALLS)
        by_floor = case.chance <= unsure
        by_labels = by_floor & (case.label_chance >= rules.data_chance)
        by_model = by_floor & ~(case.label_chance > doubt)
    votes = case.votes
    ruled = [
        (is_met, "ok"),
        (~has_curve & (case.n_labelled < rules.min_scenes), "coverage_gap"),
        (is_unclear, "eval_limited"),
        (np.where(has_curve, by_data, votes.data), "data_limited"),
        (np.where(has_curve, by_labels, votes.labels), "label_noise_limited"),
        (np.where(has_curve, by_model, votes.model), "model_limited"),
    ]
    conditions, words = zip(*ruled, strict=True)
    verdict = np.select(conditions, words, "undecided")
    is_counted = np.isin(verdict, ("ok", "coverage_gap", "eval_limited"))
    tier = np.select([is_counted, case.is_strong & has_curve, has_curve], ["none", "strong", "middle"], "weak")
    return Judged(verdict, tier, np.isin(tier, ("middle", "weak")))
