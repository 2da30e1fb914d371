"""Why a gap exists and what it takes to close it: learning curves, verdicts, and the budget split by them.

`plan_curves` says what to train on; `fit_curves` fits e(n) = c + b n^-a; `allocate` splits a budget.
"""

from oddloop.coverage.diagnosis.allocation import AllocationRules, allocate, round_scenes
from oddloop.coverage.diagnosis.fit import EXPONENTS, Curves, fit_curves
from oddloop.coverage.diagnosis.subsets import CurvePlan, plan_curves

__all__ = [
    "EXPONENTS",
    "AllocationRules",
    "CurvePlan",
    "Curves",
    "allocate",
    "fit_curves",
    "plan_curves",
    "round_scenes",
]
