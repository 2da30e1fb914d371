"""How far two distributions of a score are apart.

    PSI  sum over bins of (q - p) ln(q / p)                                      0 or more, no upper bound
         p = (c / n + e) / (1 + B e) of the reference, q likewise, e = smoothing / min(n, m)
    KS   largest |F_reference(x) - F_current(x)| over all x                                         [0, 1]

**Bins** of the PSI end at the quantiles j / B of the reference, each end in the bin below it; a value that holds two
quantiles or more has a bin of its own, so that ties do not hide what moves away from them. **Smoothing** adds the same
share to every bin of both sides, so that a bin that is empty on one side is finite, and one empty on both says nothing.

**No drift is not 0.** Both are larger than 0 by chance: PSI by about (B - 1) (1 / n + 1 / m) for n and m independent
values, more where scenes of a log are alike. `expected_psi` gives that number.

References:
    Yurdakul and Naranjo, Statistical properties of the population stability index, 2020 (its distribution without
    drift); Potgieter et al., The population resemblance statistic, arXiv 2307.11878; Smirnov, 1939.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray, IntArray

N_BINS = 10
SMOOTHING = 0.5


def psi(
    reference: npt.ArrayLike, current: npt.ArrayLike, *, n_bins: int = N_BINS, smoothing: float = SMOOTHING
) -> float:
    """Population stability index of two samples.

    Args:
        reference: (n,) values; the bins are of equal mass here. Not finite = not valid, and left out.
        current: (m,) values.
        n_bins: bins, 2 or more; ties may make some more or fewer.
        smoothing: values added to each bin of the smaller side, above 0.

    Returns:
        the index, 0 or more; NaN where one side has no value.

    Raises:
        ValueError: fewer than 2 bins, or smoothing not above 0.

    >>> round(psi([1, 2, 3, 4], [3, 4, 4, 4], n_bins=2), 3)  # shares .5 .5 and 0 1; smoothed .5 .5 and .1 .9
    0.879
    """
    ours, theirs = _finite(reference), _finite(current)
    if not len(ours) or not len(theirs):
        return float("nan")
    edges = bin_edges(ours, n_bins)
    return float(psi_of_counts(counts_within(ours, edges), counts_within(theirs, edges), smoothing))


def ks(reference: npt.ArrayLike, current: npt.ArrayLike) -> float:
    """Kolmogorov and Smirnov's distance of two samples.

    Args:
        reference: (n,) values; not finite = not valid, and left out.
        current: (m,) values.

    Returns:
        the distance, in [0, 1]; NaN where one side has no value.

    >>> ks([1, 2, 3, 4], [3, 4, 4, 4])
    0.5
    """
    ours, theirs = np.sort(_finite(reference)), np.sort(_finite(current))
    if not len(ours) or not len(theirs):
        return float("nan")
    at = np.concatenate([ours, theirs])
    below = np.searchsorted(ours, at, side="right") / len(ours), np.searchsorted(theirs, at, side="right") / len(theirs)
    return float(np.abs(below[0] - below[1]).max())


def expected_psi(n_reference: int, n_current: int, n_bins: int = N_BINS) -> float:
    """PSI that two samples of one distribution have on average, if all values are independent.

    >>> expected_psi(1000, 500)
    0.027
    """
    return (n_bins - 1) * (1 / n_reference + 1 / n_current)


def bin_edges(reference: FloatArray, n_bins: int = N_BINS) -> FloatArray:
    """(B-1,) upper ends of all bins but the last, rising, from (n,) finite values, n above 0.

    Raises:
        ValueError: fewer than 2 bins.

    >>> bin_edges(np.array([1.0, 1.0, 1.0, 2.0]), 4).tolist()  # 1 has a bin of its own, above what is less
    [0.9999999999999999, 1.0, 1.25]
    """
    if n_bins < 2:
        raise ValueError(f"n_bins must be 2 or more; got {n_bins}")
    ends, times = np.unique(np.quantile(reference, np.arange(1, n_bins) / n_bins), return_counts=True)
    return np.union1d(ends, np.nextafter(ends[times > 1], -np.inf))


def counts_within(values: FloatArray, edges: FloatArray) -> IntArray:
    """(B,) values in each bin."""
    return np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1).astype(np.int64)


def psi_of_counts(reference: npt.ArrayLike, current: npt.ArrayLike, smoothing: float = SMOOTHING) -> FloatArray:
    """PSI of counts per bin.

    Args:
        reference: (...,B) counts, each row's sum above 0.
        current: (...,B) counts, likewise.
        smoothing: above 0; the rows' mean sums say what share it is, so that resamples are smoothed alike.

    Returns:
        (...,) indices.

    Raises:
        ValueError: smoothing is not above 0.
    """
    if not smoothing > 0:
        raise ValueError(f"smoothing must be above 0; got {smoothing}")
    ours, theirs = np.asarray(reference, np.float64), np.asarray(current, np.float64)
    totals = ours.sum(axis=-1, keepdims=True), theirs.sum(axis=-1, keepdims=True)
    share = smoothing / min(totals[0].mean(), totals[1].mean())
    p, q = ((c / t + share) / (1 + c.shape[-1] * share) for c, t in zip((ours, theirs), totals, strict=True))
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=-1))


def ks_of_counts(reference: npt.ArrayLike, current: npt.ArrayLike) -> FloatArray:
    """(...,) KS of (...,B) counts per bin: the distance at the bins' ends."""
    ours, theirs = np.asarray(reference, np.float64), np.asarray(current, np.float64)
    shares = (c.cumsum(axis=-1) / c.sum(axis=-1, keepdims=True) for c in (ours, theirs))
    return np.asarray(np.abs(np.subtract(*shares)).max(axis=-1))


def _finite(values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, np.float64).ravel()
    return array[np.isfinite(array)]
