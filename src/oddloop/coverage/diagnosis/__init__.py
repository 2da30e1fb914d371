"""Why a gap exists and what it takes to close it: learning curves, verdicts, and the budget split by them.

`diagnose` is the whole of it: segments, metrics and evidence in, gaps and verdicts out. `plan_curves` says what to
train on and `collect_points` sums up what came of it; `fit_curves` fits e(n) = c + b n^-a; `allocate` splits a budget.
"""

from oddloop.coverage.diagnosis.allocation import AllocationRules, allocate, round_scenes
from oddloop.coverage.diagnosis.diagnose import Clues, Diagnosis, diagnose
from oddloop.coverage.diagnosis.fit import EXPONENTS, Curves, fit_curves
from oddloop.coverage.diagnosis.gaps import measure_gaps
from oddloop.coverage.diagnosis.points import collect_points
from oddloop.coverage.diagnosis.ranking import worst_gaps
from oddloop.coverage.diagnosis.subsets import CurvePlan, plan_curves

__all__ = [
    "EXPONENTS",
    "AllocationRules",
    "Clues",
    "CurvePlan",
    "Curves",
    "Diagnosis",
    "allocate",
    "collect_points",
    "diagnose",
    "fit_curves",
    "measure_gaps",
    "plan_curves",
    "round_scenes",
    "worst_gaps",
]
