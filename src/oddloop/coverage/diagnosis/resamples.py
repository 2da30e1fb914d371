"""What a learning curve could have been: resamples of held-out logs, of seeds, and of the labelled scenes themselves.

Three things make a curve uncertain, and each resample redraws all of them:

- other held-out logs: L - 1 of the L logs with replacement, the same draw for all segments and trainings;
- other seeds: R - 1 of the R seeds with replacement. One fewer than there are makes the variance right: a plain
  bootstrap of five seeds finds only four fifths of it (Rao and Wu 1988);
- other labelled scenes: the largest training is the same for every seed, so seeds cannot show how lucky the whole set
  is. For a training that takes the share f, the part that all seeds have in common has f² / (1 - f²) of the variance
  between seeds where the excess error is quadratic in the estimate, as it is near the optimum; it shifts all points of
  the curve by the same amount, drawn from a normal distribution.

Points weigh as many scenes as they have: large trainings scatter less, and small ones leave the power law first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.diagnosis.errors import CurveErrors

_NEARLY_ALL = 0.85


class Points(Protocol):
    """What a curve is fitted to: `errors.CurveErrors` or `history.RoundErrors`."""

    @property
    def n(self) -> FloatArray:
        """(S,P) labelled scenes."""

    @property
    def size(self) -> IntArray:
        """(P,) number of the share or round."""

    @property
    def seed(self) -> IntArray:
        """(P,) number of the seed."""

    @property
    def mean(self) -> FloatArray:
        """(S,P) error."""

    @property
    def is_measured(self) -> FloatArray:
        """(S,P) 1 where there is an error, else 0."""

    @property
    def log_counts(self) -> IntArray:
        """(S,) held-out logs."""


@dataclass(frozen=True, eq=False)
class Resamples:
    """(S,B,P) errors of the resamples, and their weights."""

    errors: FloatArray
    weights: FloatArray


def draw_logs(n_logs: int, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """(L,B) how often each held-out log is in each resample.

    >>> draw_logs(5, 3, np.random.default_rng(0)).sum(axis=0).tolist()
    [4.0, 4.0, 4.0]
    """
    if not n_logs:
        return np.zeros((0, n_resamples))
    n = max(n_logs - 1, 1)
    return rng.multinomial(n, np.full(n_logs, 1 / n_logs), size=n_resamples).T.astype(np.float64)


def resample(errors: CurveErrors, logs: FloatArray, rng: np.random.Generator) -> Resamples:
    """Draw the resamples of some segments.

    Args:
        errors: S segments, P trainings.
        logs: (L,B) as `draw_logs` gives them.
        rng: draws seeds and the luck of the labelled scenes.
    """
    top, bottom = (np.swapaxes(v @ logs, 1, 2) for v in (errors.sums, errors.supports))
    measured = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    shift = scatter_of_labelled(errors)[:, None] * rng.normal(size=measured.shape[:2])
    weights = point_weights(errors)[:, None, :] * _draw_seeds(errors, measured.shape[1], rng) * (bottom > 0)
    return Resamples(np.maximum(measured + shift[:, :, None], 0), weights)


def point_weights(errors: Points) -> FloatArray:
    """(S,P) weight of each point, 1 for the largest; 0 where there is no scene or no support."""
    most = np.maximum(errors.n.max(axis=1, initial=0), 1)[:, None]
    weights: FloatArray = errors.n / most * errors.is_measured
    return weights


def scatter_of_labelled(errors: CurveErrors) -> FloatArray:
    """(S,) standard deviation of what all trainings owe to the labelled scenes that happen to be there."""
    variance, n = _between_seeds(errors)
    share = n / np.maximum(n.max(axis=1, initial=0), 1)[:, None]
    use = np.isfinite(variance) & (share < _NEARLY_ALL) & (share > 0)
    common = np.where(use, variance * share**2 / np.maximum(1 - share**2, 1e-9), 0)
    scatter: FloatArray = np.sqrt(common.sum(axis=1) / np.maximum(use.sum(axis=1), 1))
    return scatter


def _between_seeds(errors: CurveErrors) -> tuple[FloatArray, FloatArray]:
    """(S,K) variance between the seeds of each size, NaN with fewer than two, and mean number of scenes."""
    sizes = (errors.size == np.unique(errors.size)[:, None]).astype(np.float64).T  # (P,K)
    use = errors.is_measured
    count = use @ sizes
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (use * errors.mean) @ sizes / count
        rest = use * (errors.mean - np.nan_to_num(mean) @ sizes.T)
        variance = np.where(count > 1, rest**2 @ sizes / (count - 1), np.nan)
        n = np.nan_to_num((use * errors.n) @ sizes / count)
    return variance, n


def _draw_seeds(errors: CurveErrors, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """(S,B,P) how often the seed of each training was drawn; a seed is drawn with all of its sizes."""
    seeds, place = np.unique(errors.seed, return_inverse=True)
    n_seeds = len(seeds)
    if n_seeds < 2:
        return np.ones((len(errors.n), n_resamples, len(place)))
    draws = rng.multinomial(n_seeds - 1, np.full(n_seeds, 1 / n_seeds), size=(len(errors.n), n_resamples))
    return draws.astype(np.float64)[:, :, place]
