"""Whether a model is right as often as it says: expected calibration error, with its bins and an interval.

With the rows of a bin b, their number n_b of N, their mean confidence (largest probability) c_b, and the share a_b of
them whose likeliest class is the true one:

    calibration error   sum_b n_b / N |a_b - c_b|    [0, 1]; lower is better
    worst bin           max_b |a_b - c_b|            [0, 1]

Bins of equal width in confidence give the ECE; bins of equal mass give the ACE (adaptive calibration error). A row that
is not a distribution is left out; where none is left, the error is NaN and all counts are 0.

**The error is biased upwards where bins are small**: a perfectly calibrated model scores about sqrt(B / N) / 3, so that
segments of different size do not compare. Read it with its counts and its interval. Time grows with the number of
probabilities; memory with one number per row, and for the interval with groups x bins and replicates x bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.foreign import to_floats, to_numpy
from oddloop.score.measures import is_distribution
from oddloop.score.temperature import check_labels

Bins = Literal["width", "mass"]
N_BINS = 15


@dataclass(frozen=True)
class CalibrationError:
    """Calibration per bin of confidence; from it the errors.

    Attributes:
        edges: (B+1,) float64, confidence at the bins' bounds; a bin holds its upper bound.
        counts: (B,) int64, rows.
        confidence_sums: (B,) float64, sum of the confidences.
        correct_sums: (B,) int64, rows whose likeliest class is the true one.
    """

    edges: FloatArray
    counts: IntArray
    confidence_sums: FloatArray
    correct_sums: IntArray

    @property
    def gaps(self) -> FloatArray:
        """(B,) accuracy less confidence, in [-1, 1]; below 0 is overconfident; NaN in a bin without rows."""
        with np.errstate(invalid="ignore"):
            gaps: FloatArray = (self.correct_sums - self.confidence_sums) / self.counts
        return gaps

    @property
    def error(self) -> float:
        """The calibration error: ECE or ACE; NaN without rows."""
        return float(_errors(self.counts, self.correct_sums - self.confidence_sums))

    @property
    def worst(self) -> float:
        """The largest gap of a bin, without its sign; NaN without rows."""
        return float(np.nanmax(np.abs(self.gaps))) if self.counts.any() else float("nan")


def calibration_error(
    probs: npt.ArrayLike, labels: npt.ArrayLike, bins: Bins = "width", n_bins: int = N_BINS
) -> CalibrationError:
    """Calibration of class probabilities against true classes.

    Args:
        probs: (N,K) probabilities, float16, float32 or float64.
        labels: (N,) integers, the true class of each row.
        bins: `width` for the ECE, `mass` for the ACE.
        n_bins: how many; fewer come of equal mass where confidences are equal.

    Raises:
        ValueError: shapes or dtypes do not fit, a label is no class, or `n_bins` is below 1.

    References:
        Naeini, Cooper and Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, 2015 (ECE);
        Nguyen and O'Connor, Posterior calibration and exploratory analysis for natural language processing models,
        2015 (equal mass). ACE over all classes, as Nixon et al., 2019, define it, is another thing.

    >>> # two rows at 0.9, one right: |1/2 - 0.9| = 0.4
    >>> round(calibration_error([[0.9, 0.1], [0.9, 0.1]], [0, 1]).error, 4)
    0.4
    """
    confidences, correct, _ = _rows(probs, labels)
    edges = _edges(confidences, bins, n_bins)
    places = _places(confidences, edges)
    counts, sums, right = (
        np.bincount(places, weights, len(edges) - 1) for weights in (None, confidences, correct.astype(np.float64))
    )
    return CalibrationError(edges, counts.astype(np.int64), sums.astype(np.float64), right.astype(np.int64))


def bootstrap_calibration_error(
    probs: npt.ArrayLike,
    labels: npt.ArrayLike,
    rng: np.random.Generator,
    groups: npt.ArrayLike | None = None,
    bins: Bins = "width",
    n_bins: int = N_BINS,
    n_bootstrap: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Interval of the calibration error, by resampling whole groups (logs), with the bins kept.

    A resampled error is biased upwards as much again as the error itself, so the basic interval is taken, which turns
    that around: twice the error less the replicates' quantiles, cut to [0, 1].

    Args:
        probs: (N,K) probabilities, float16, float32 or float64.
        labels: (N,) integers, the true class of each row.
        rng: source of the draws.
        groups: (N,) the log of each row, of any type that sorts; none: each row is its own, for rows that are
            independent only.
        bins: `width` for the ECE, `mass` for the ACE.
        n_bins: how many.
        n_bootstrap: replicates.
        confidence: coverage of the interval, in (0, 1).

    Returns:
        Lower and upper bound in [0, 1]; both NaN where there are fewer than two groups.

    Raises:
        ValueError: as `calibration_error`, or groups are not one per row.

    References:
        Davison and Hinkley, Bootstrap methods and their application, 1997, section 5.2.

    >>> probs, labels = [[0.9, 0.1]] * 100, [0] * 80 + [1] * 20
    >>> low, high = bootstrap_calibration_error(probs, labels, np.random.default_rng(0))
    >>> 0 <= low < 0.1 < high < 0.3
    True
    """
    confidences, correct, is_good = _rows(probs, labels)
    codes, n_groups = _codes(groups, is_good)
    if n_groups < 2:
        return float("nan"), float("nan")
    edges = _edges(confidences, bins, n_bins)
    cells = codes * (len(edges) - 1) + _places(confidences, edges)
    # Only counts and gap sums of each group and bin are needed, for both add up.
    counts, gap_sums = (
        np.bincount(cells, weights, n_groups * (len(edges) - 1)).reshape(n_groups, -1)
        for weights in (None, correct - confidences)
    )
    tail = (1.0 - confidence) / 2.0
    replicates = np.empty(n_bootstrap)
    for i in range(n_bootstrap):
        drawn = np.bincount(rng.integers(0, n_groups, n_groups), minlength=n_groups)
        replicates[i] = _errors(drawn @ counts, drawn @ gap_sums)
    low, high = np.quantile(replicates, [tail, 1.0 - tail])
    error = float(_errors(counts.sum(axis=0), gap_sums.sum(axis=0)))
    return float(np.clip(2.0 * error - high, 0.0, 1.0)), float(np.clip(2.0 * error - low, 0.0, 1.0))


def _rows(probs: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Confidence of the good rows, whether each is right, and which rows are good."""
    values = to_floats(probs)
    if values.ndim != 2:
        raise ValueError(f"probabilities need two axes, rows x classes; got shape {values.shape}")
    classes = check_labels(labels, *values.shape)
    is_good = is_distribution(values)
    kept = values[is_good]
    if not len(kept):
        return np.empty(0), np.empty(0, np.bool_), is_good
    # A row may sum to 1.001, but no confidence is above 1.
    return np.minimum(kept.max(axis=1).astype(np.float64), 1.0), kept.argmax(axis=1) == classes[is_good], is_good


def _edges(confidences: FloatArray, bins: Bins, n_bins: int) -> FloatArray:
    if bins not in ("width", "mass"):
        raise ValueError(f'bins must be "width" or "mass"; got {bins!r}')
    if n_bins < 1:
        raise ValueError(f"n_bins must be 1 or more; got {n_bins}")
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    if bins == "mass" and len(confidences):
        # The place of a quantile in whole numbers: j / B is not exact, and a rounding moves a row to the next bin.
        inner = np.sort(confidences)[-(-np.arange(1, n_bins) * len(confidences) // n_bins) - 1]
        edges = np.concatenate([[0.0], np.unique(inner[inner < confidences.max()]), [1.0]])
    return edges


def _places(confidences: FloatArray, edges: FloatArray) -> IntArray:
    """(N,) bin of each confidence; a bin holds its upper bound, and the first its lower one too."""
    return np.searchsorted(edges[1:-1], confidences, side="left")


def _codes(groups: npt.ArrayLike | None, is_good: BoolArray) -> tuple[IntArray, int]:
    """(good rows,) number of each row's group, and how many groups there are."""
    if groups is None:
        n = int(is_good.sum())
        return np.arange(n), n
    names = to_numpy(groups)
    if names.shape != is_good.shape:
        raise ValueError(f"groups must be {is_good.shape}, one per row; got shape {names.shape}")
    found, codes = np.unique(names[is_good], return_inverse=True)
    return codes.astype(np.int64), len(found)


def _errors(counts: npt.NDArray[np.number], gap_sums: npt.NDArray[np.number]) -> np.float64:
    """Error of bins' counts and sums of (right - confidence)."""
    n = counts.sum()
    return np.float64(np.abs(gap_sums).sum() / n if n else np.nan)
