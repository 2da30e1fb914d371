"""Two arms, each trained on random halves of its picks: their difference, with the luck of both.

Each arm's picks are split at random into two halves, J times, and a model is trained on each half and all that was
labelled before. An arm's value is the mean over its 2 J models; how much the two of a split differ shows the luck that
is in it, of which scenes were picked and of the training's own chance. With m(j,h) the ratio of sums of the model on
half h of split j, r(j,h,l) what log l adds to its error, and k logs:

    value       mean over j, h of m(j,h)
    d(j)        (m(j,0) - m(j,1)) / 2,    c(j,l) = (r(j,0,l) - r(j,1,l)) / 2
    luck        mean over j of d(j)²                                     of each arm, J degrees of freedom
    logs        k / (k - 1) x sum over l of (mean r of ours - mean r of theirs)²
    shared      k / (k - 1) x mean over j of the sum over l of c(j,l)²   of each arm: luck that differs from log to log
    held out    max(logs - shared of both, logs - luck of both, 0)       k - 1 degrees of freedom
    variance    luck of both + held out

Two halves of a sample are two samples half as large, so that (m(j,0) - m(j,1)) / 2 varies as much as the mean of both,
which is what the value is made of: the luck is estimated without bias, and for J > 1 a little too large, since more
trainings average more of their own chance away. Only the luck of the held-out logs that luck of picks does not explain
is added, or it would count twice. `logs` is the limit of the paired bootstrap by log (infinitesimal jackknife), so that
no order of rows matters. The interval is Student's t with Satterthwaite's degrees of freedom.

Time and memory grow with segments x logs x trainings.

References:
    McCarthy, Pseudo-replication: half samples, 1969; Owen, The pigeonhole bootstrap, 2007 (crossed random effects);
    Satterthwaite, An approximate distribution of estimates of variance components, 1946.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HalfSums:
    """Sums per log of the models of one arm, in S segments and L logs.

    Attributes:
        values: (J,2,S,L) sums of value x support of the model on each half of each split.
        supports: (J,2,S,L) sums of support, 0 or more.
    """

    values: FloatArray
    supports: FloatArray


@dataclass(frozen=True, eq=False)
class HalvesDifference:
    """Ours less theirs in S segments, and what its variance is made of; NaN where an arm has no support.

    Attributes:
        ours, theirs: (S,) value of each arm.
        luck: (S,) variance by which scenes were picked and how trainings went, of both arms.
        held_out: (S,) variance by which logs were held out, beyond that.
        freedom: (S,) degrees of freedom of the variance.
        n_logs: (S,) logs with support.
    """

    ours: FloatArray
    theirs: FloatArray
    luck: FloatArray
    held_out: FloatArray
    freedom: FloatArray
    n_logs: npt.NDArray[np.int64]

    @property
    def difference(self) -> FloatArray:
        """(S,) ours - theirs."""
        return self.ours - self.theirs

    @property
    def error(self) -> FloatArray:
        """(S,) standard error of the difference; NaN with fewer than two logs, or where nothing varies."""
        variance = self.luck + self.held_out
        return np.sqrt(np.where((self.n_logs > 1) & (variance > 0), variance, np.nan))

    def half_width(self, confidence: float) -> FloatArray:
        """(S,) half width of the interval of the difference; NaN where there is no error."""
        half: FloatArray = stdtrit(self.freedom, (1 + confidence) / 2) * self.error
        return half

    def p_value(self) -> FloatArray:
        """(S,) two-sided p-value of no difference; 1 where there is no error."""
        with np.errstate(invalid="ignore"):
            p = 2 * stdtr(self.freedom, -np.abs(self.difference) / self.error)
        return np.asarray(np.where(np.isnan(p), 1.0, p), np.float64)


def difference_of_halves(ours: HalfSums, theirs: HalfSums) -> HalvesDifference:
    """Compare two arms on the same logs.

    Args:
        ours: one arm, at least one split.
        theirs: the other; it may have another number of splits.

    Returns:
        values, the parts of the variance, and degrees of freedom.

    >>> ours = HalfSums(np.array([[[[1.0, 3.0]], [[2.0, 2.0]]]]), np.ones((1, 2, 1, 2)))
    >>> theirs = HalfSums(np.array([[[[5.0, 3.0]], [[5.0, 5.0]]]]), np.ones((1, 2, 1, 2)))
    >>> found = difference_of_halves(ours, theirs)  # halves of ours: 2, 2; of theirs: 4, 5
    >>> [float(v[0]) for v in (found.difference, found.luck, found.held_out, found.freedom)]
    [-2.5, 0.25, 0.75, 1.6]
    """
    one, two = _Parts.of(ours), _Parts.of(theirs)
    has = (ours.supports.sum(axis=(0, 1)) > 0) & (theirs.supports.sum(axis=(0, 1)) > 0)
    k = has.sum(axis=1)
    scale = k / np.maximum(k - 1, 1)
    logs = scale * ((one.residual - two.residual) ** 2).sum(axis=1)
    luck = one.luck + two.luck
    held_out = np.maximum(np.maximum(logs - scale * (one.shared + two.shared), logs - luck), 0.0)
    spread = one.luck**2 / one.n_splits + two.luck**2 / two.n_splits + held_out**2 / np.maximum(k - 1, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = (luck + held_out) ** 2 / spread
    return HalvesDifference(one.value, two.value, luck, held_out, freedom, k)


@dataclass(frozen=True, eq=False)
class _Parts:
    """What one arm gives: (S,) value, luck and shared luck, (S,L) mean residual of each log."""

    value: FloatArray
    luck: FloatArray
    shared: FloatArray
    residual: FloatArray
    n_splits: int

    @staticmethod
    def of(arm: HalfSums) -> _Parts:
        total = arm.supports.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = arm.values.sum(axis=-1) / total
            residual = (arm.values - ratio[..., None] * arm.supports) / total[..., None]
        half = (ratio[:, 0] - ratio[:, 1]) / 2
        apart = (residual[:, 0] - residual[:, 1]) / 2
        return _Parts(
            ratio.mean(axis=(0, 1)),
            (half**2).mean(axis=0),
            (apart**2).sum(axis=-1).mean(axis=0),
            residual.mean(axis=(0, 1)),
            len(half),
        )
