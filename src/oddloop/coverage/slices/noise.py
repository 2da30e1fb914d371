"""How much less the errors of one scene, and of one log, tell than as many independent ones.

The design effect of a segment is (dispersion / (r (1 - r))) x (1 + (scenes of its log that a trial meets - 1) x
correlation), with the error rate r of all trials, and the dispersion and correlation that `shrinkage` estimates over
all scenes. It is never taken below 1. Where a scene's trials are much alike (objects, pixels), trials and errors
are first divided by a whole number, as if there were so many fewer: that keeps the skewness, too.

Time and memory grow with the scenes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.performance.metrics import Metric
from oddloop.coverage.performance.shrinkage import estimate_noise

_MUCH = 1.5


@dataclass(frozen=True)
class Likeness:
    """How alike errors are.

    Attributes:
        in_scene: variance of a scene's errors over that of independent ones, 1 or more.
        in_log: correlation of the error rates of two scenes of one log, in [0, 1].
        divisor: what trials and errors are divided by before counting, 1 or more.
    """

    in_scene: float
    in_log: float
    divisor: int

    def design_effect(self, scenes_per_log: FloatArray) -> FloatArray:
        """(...) 1 or more, of segments in which a trial meets (...) scenes of its own log."""
        return max(self.in_scene / self.divisor, 1.0) * (1 + (scenes_per_log - 1) * self.in_log)


def estimate_likeness(logs: IntArray, trials: FloatArray, errors: FloatArray) -> Likeness:
    """Estimate how alike the errors of one scene and of one log are.

    Args:
        logs: (N,) log of each scene, 0 or more.
        trials: (N,) trials, above 0.
        errors: (N,) errors, in [0, trials].

    >>> estimate_likeness(np.array([0, 0, 1, 1]), np.ones(4), np.array([1.0, 1.0, 0.0, 0.0])).in_log
    0.5
    """
    rate = float(errors.sum() / trials.sum())
    if not 0 < rate < 1:
        return Likeness(1.0, 0.0, 1)
    noise = estimate_noise(Metric("", "", "", np.arange(len(logs)), logs, trials, errors))
    in_scene = max(noise.dispersion / (rate * (1 - rate)), 1.0)
    return Likeness(in_scene, float(noise.correlation), round(in_scene) if in_scene >= _MUCH else 1)
