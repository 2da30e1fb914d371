"""A ratio of sums, and how much worse a group is than the rest, with logs, and not scenes, as what is independent.

    R = N / D,    residual of log l = (N_l - R D_l) / D

with N_l and D_l the sums of value and of support over log l. For each group g against all else:

    R_g = N_g / D_g,    difference = R_g - R_rest
    residual of log l = (N_gl - R_g D_gl) / D_g - (N_rl - R_rest D_rl) / D_rest

The variance is the sum of squared residuals over logs times k / (k - 1), with k the logs, or the group's logs (the
linearised variance of a ratio of sums over clusters: Cochran, Sampling techniques, 1977, sections 6.3 and 9A.2), and
the ends are quantiles of Student's t with k - 1 degrees of freedom. So a group in two logs gets a very wide interval,
where resampling three logs would give far too narrow a one. One log gives none. Groups may overlap. Time and memory
grow with the pairs of group and log that occur, not with their product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GroupDifference:
    """A mean in each group, elsewhere, and their difference with its interval.

    Attributes:
        mean: (G,) sum of value over sum of support in the group; NaN without support.
        elsewhere: (G,) the same over everything that is not in the group; NaN without support.
        low, high: (G,) ends of the interval of `mean - elsewhere`; NaN with support in fewer than two logs.
        n_logs: (G,) logs in which the group has support.
    """

    mean: FloatArray
    elsewhere: FloatArray
    low: FloatArray
    high: FloatArray
    n_logs: IntArray

    @property
    def difference(self) -> FloatArray:
        """(G,) mean - elsewhere."""
        return self.mean - self.elsewhere


def ratio_by_log(
    value: FloatArray, support: FloatArray, log: npt.NDArray[np.integer], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Divide two sums, with an interval.

    Args:
        value, support: (n,) what is added up, support 0 or more.
        log: (n,) log number of each, from 0; every number up to the largest occurs.
        confidence: coverage of the interval, in (0, 1).

    Returns:
        ratio and ends of its interval; all NaN without support, ends NaN with fewer than two logs.

    >>> [round(x, 3) for x in ratio_by_log(np.array([12.0, 26.0]), np.array([10.0, 20.0]), np.array([0, 1]))]
    [1.267, 0.702, 1.831]
    """
    total = float(support.sum())
    if not total > 0:
        return (float("nan"),) * 3
    ratio = float(value.sum() / total)
    sums = np.bincount(log, value - ratio * support)
    k = len(sums)
    if k < 2:
        return ratio, float("nan"), float("nan")
    variance = k / (k - 1) * float(sums @ sums) / total**2
    half = float(stdtrit(k - 1, (1 + confidence) / 2) * np.sqrt(variance))
    return ratio, ratio - half, ratio + half


def difference_by_log(
    group: IntArray,
    log: IntArray,
    value: FloatArray,
    support: FloatArray,
    all_value: FloatArray,
    all_support: FloatArray,
    n_groups: int,
    confidence: float = 0.95,
) -> GroupDifference:
    """Compare each group with everything else.

    Args:
        group, log: (m,) group and log numbers of the pairs that occur, each pair once.
        value, support: (m,) sums of value (x support) and of support, of the pair.
        all_value, all_support: (L,) the same of each log with all its groups, and what is in none.
        n_groups: G.
        confidence: coverage of the interval, in (0, 1).

    Returns:
        means, differences and intervals.

    References:
        Cochran, Sampling techniques, 1977, sections 6.3 and 6.13 (ratio of sums; difference of two ratios).

    >>> pairs = np.array([0, 0]), np.array([0, 1]), np.array([9.0, 11.0]), np.array([1.0, 1.0])
    >>> found = difference_by_log(*pairs, np.array([10.0, 12.0, 1.0]), np.array([2.0, 2.0, 1.0]), 1)
    >>> float(found.mean[0]), float(found.elsewhere[0]), round(float(found.low[0]), 2)
    (10.0, 1.0, -3.71)
    """

    def per_group(weights: FloatArray) -> FloatArray:
        return np.bincount(group, weights, minlength=n_groups).astype(np.float64)

    sums, supports = per_group(value), per_group(support)
    n_logs = np.bincount(group[support > 0], minlength=n_groups)
    mean = _ratio(sums, supports)
    rest = all_support.sum() - supports
    elsewhere = _ratio(all_value.sum() - sums, rest)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = (value - mean[group] * support) / supports[group]
        whole = (all_value[log] - elsewhere[group] * all_support[log]) / rest[group]
        other = whole - (value - elsewhere[group] * support) / rest[group]
        # Logs without the group add what `whole` is there; taken from sums over all logs, so that pairs suffice.
        everywhere = _square(all_value, all_support, elsewhere) / rest**2
        variance = per_group((own - other) ** 2) + np.maximum(everywhere - per_group(whole**2), 0.0)
        half = stdtrit(np.maximum(n_logs - 1, 1), (1 + confidence) / 2) * np.sqrt(variance * n_logs / (n_logs - 1))
    half = np.where((n_logs > 1) & np.isfinite(elsewhere), half, np.nan)
    return GroupDifference(mean, elsewhere, mean - elsewhere - half, mean - elsewhere + half, n_logs)


def _ratio(value: FloatArray, support: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(value, support, out=np.full(len(value), np.nan), where=support > 0)
    return ratio


def _square(value: FloatArray, support: FloatArray, rate: FloatArray) -> FloatArray:
    """(G,) sum over logs of (value - rate x support) squared."""
    squared: FloatArray = value @ value - 2 * rate * (value @ support) + rate**2 * (support @ support)
    return squared
