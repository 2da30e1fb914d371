"""Scores of one model on a scale that all models share, so that rounds and models compare and one threshold serves all.

    rank        (n_below + n_equal / 2) / n among the reference scenes: the share of them that scores lower      [0, 1]
    calibrated  expected errors of a scene with that score: isotonic regression of the errors of measured scenes

Between the values that were seen, both are straight lines. Beyond them a rank is 0 or 1, and the expected errors stay
as they are at the end. Neither falls as the score rises; ranks keep apart what is unequal, while isotonic regression
may make neighbours equal. Where more than 1,024 reference scores are unequal, ranks are exact to .002 only.

Take the same scenes as reference for every model, best held-out ones: a model is surer of scenes that it was trained
on. Expected errors are fitted over bins of at least `min_bin` scenes, equal scores together, so that a single bad scene
does not rule the upper end.

A normaliser belongs to the model whose scores it was fitted to, and refuses another's.

Time n log n and memory n, of the reference; applying takes log K per score, K at most 1,024 knots.

References:
    Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, 2002; Ayer et
    al., An empirical distribution function for sampling with incomplete information, 1955 (the regression).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.foreign import to_float64

Method = Literal["rank", "calibrated"]
MAX_KNOTS = 1_024
MIN_BIN = 10
"""Scenes per bin of the regression, at least."""
MIN_SCENES = 30
"""Scenes below which expected errors are not fitted."""


@dataclass(frozen=True)
class ScoredModel:
    """The model whose scores they are.

    Attributes:
        model_id: its id.
        model_digest: digest of its weights or training, where there is one: tells two models of one name apart.
    """

    model_id: str
    model_digest: str = ""

    @property
    def digest(self) -> str:
        """16 bytes of BLAKE2b over both, as 32 hex digits.

        >>> ScoredModel("m1").digest == ScoredModel("m1", "a7").digest
        False
        """
        return _digest_of(asdict(self))

    def __str__(self) -> str:
        return f"model `{self.model_id}` (digest {self.digest})"


@dataclass(frozen=True)
class Normaliser:
    """From the scores of one model to a shared scale; see the module for what it means.

    Attributes:
        method: `rank` or `calibrated`.
        score: the score column; may be "".
        model: the model that it was fitted to.
        values: (K,) scores, rising; none where there was too little to fit.
        results: (K,) what becomes of them, not falling.
        n: (K,) scenes behind each: those of equal score, or of the regression's block.
        n_scenes: scenes that it was fitted to.
    """

    method: Method
    score: str
    model: ScoredModel
    values: FloatArray
    results: FloatArray
    n: IntArray
    n_scenes: int

    @property
    def digest(self) -> str:
        """Digest over all of it, as 32 hex digits."""
        arrays = {name: getattr(self, name).tolist() for name in ("values", "results", "n")}
        plain = {"method": self.method, "score": self.score, "model": asdict(self.model), "n_scenes": self.n_scenes}
        return _digest_of(plain | arrays)

    def apply(self, scores: npt.ArrayLike, model: ScoredModel) -> FloatArray:
        """Normalise scores.

        Args:
            scores: (N,) scores of the same column; not finite = not valid.
            model: the model that made them.

        Returns:
            (N,) ranks in [0, 1], or expected errors, 0 or more; NaN where not valid, and everywhere where there was
            too little to fit.

        Raises:
            TableError: the scores are of another model; the message names both digests.
        """
        if model != self.model:
            name = f" of `{self.score}`" if self.score else ""
            raise TableError(
                f"normaliser {self.digest}{name} was fitted to {self.model}, but the scores are of {model}; "
                "fit it again on this model's own scores of the same scenes"
            )
        array = to_float64(scores)
        if not len(self.values):
            return np.full(array.shape, np.nan)
        ends = (0.0, 1.0) if self.method == "rank" else (self.results[0], self.results[-1])
        found = np.interp(array, self.values, self.results, *ends)
        return np.where(np.isfinite(array), found, np.nan)


def fit_rank(reference: npt.ArrayLike, model: ScoredModel, score: str = "") -> Normaliser:
    """Ranks among reference scenes.

    Args:
        reference: (N,) the model's scores of the reference scenes; not finite = not valid and left out.
        model: the model.
        score: the score column, for messages and tables.

    Returns:
        the normaliser; without a valid score it gives NaN.

    >>> model = ScoredModel("m1")
    >>> fit_rank([1.0, 2.0, 2.0, 4.0], model).apply([0.0, 1.0, 2.0, 3.0, 4.0, 9.0], model)
    array([0.    , 0.125 , 0.5   , 0.6875, 0.875 , 1.    ])
    """
    known = _finite(reference)
    values, counts = np.unique(known, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / max(len(known), 1)
    if len(values) > MAX_KNOTS:
        wanted = np.linspace(ranks[0], ranks[-1], MAX_KNOTS // 2)
        places = np.searchsorted(ranks, wanted).clip(1, len(ranks) - 1)
        kept = np.unique([places - 1, places])  # the one before too, so that a jump of the ranks stays one
        values, counts, ranks = values[kept], counts[kept], ranks[kept]
    return Normaliser("rank", score, model, values, ranks, counts.astype(np.int64), len(known))


def fit_calibrated(
    scores: npt.ArrayLike,
    errors: npt.ArrayLike,
    model: ScoredModel,
    score: str = "",
    *,
    min_bin: int = MIN_BIN,
    min_scenes: int = MIN_SCENES,
) -> Normaliser:
    """Expected errors by score, from scenes that were measured.

    Args:
        scores: (N,) the model's scores; not finite = not valid and left out.
        errors: (N,) errors of the same scenes, finite, 0 or more.
        model: the model.
        score: the score column, for messages and tables.
        min_bin: scenes per bin, at least.
        min_scenes: scenes with a valid score below which nothing is fitted.

    Returns:
        the normaliser; with too few scenes it gives NaN.

    Raises:
        ValueError: arrays differ in length, an error is not finite or negative, or `min_bin` is below 1.

    >>> model = ScoredModel("m1")
    >>> fitted = fit_calibrated([1, 2, 3, 4], [0, 3, 1, 5], model, min_bin=1, min_scenes=1)
    >>> fitted.apply([0.0, 1.5, 2.0, 3.0, 3.5, 9.0], model)  # 3 and 1 out of order become 2 and 2
    array([0. , 1. , 2. , 2. , 3.5, 5. ])
    """
    x, y = to_float64(scores), to_float64(errors)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"scores have shape {x.shape} and errors {y.shape}; give one of each per scene")
    if not (np.isfinite(y) & (y >= 0)).all():
        raise ValueError("errors must be finite and 0 or more; leave out scenes that were not measured")
    if min_bin < 1:
        raise ValueError(f"min_bin must be 1 or more; got {min_bin}")
    known = np.isfinite(x)
    order = np.argsort(x[known], kind="stable")
    x, y = x[known][order], y[known][order]
    if len(x) < max(min_scenes, 1):
        empty = np.empty(0)
        return Normaliser("calibrated", score, model, empty, empty, np.empty(0, np.int64), len(x))
    return Normaliser("calibrated", score, model, *_regress(x, y, min_bin), len(x))


def _regress(x: FloatArray, y: FloatArray, min_bin: int) -> tuple[FloatArray, FloatArray, IntArray]:
    """Both ends of each block of the regression, its expected errors and its scenes; x rises, and is not empty."""
    from scipy.optimize import isotonic_regression  # keeps `import oddloop.score` light

    starts = _bin_starts(x, max(min_bin, -(-2 * len(x) // MAX_KNOTS)))
    counts = np.diff(starts, append=len(x))
    fitted = isotonic_regression(np.add.reduceat(y, starts) / counts, weights=counts.astype(np.float64))
    blocks = np.asarray(fitted.blocks, np.int64)
    first = starts[blocks[:-1]]
    last = np.append(first[1:], len(x)) - 1
    knots = np.unique(np.concatenate([first, last]))
    block = np.searchsorted(first, knots, side="right") - 1
    knots, block = knots[_is_new(x[knots])], block[_is_new(x[knots])]
    results = np.maximum.accumulate(np.asarray(fitted.x)[blocks[:-1]])  # as they are, but for rounding
    return x[knots], results[block], (last - first + 1).astype(np.int64)[block]


def _bin_starts(x: FloatArray, min_bin: int) -> IntArray:
    """Where bins of at least `min_bin` rising values begin; equal values are in one bin."""
    firsts = np.flatnonzero(_is_new(x))
    starts = firsts[np.unique(np.searchsorted(firsts, np.arange(0, len(x), min_bin)).clip(0, len(firsts) - 1))]
    long_enough = np.diff(starts, append=len(x)) >= min_bin
    long_enough[0] = True
    kept: IntArray = starts[long_enough]
    # A short bin joins the one before; the first has none before, and joins the one after.
    return np.delete(kept, 1) if len(kept) > 1 and kept[1] < min_bin else kept


def _is_new(x: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of rising values are not the one before again."""
    is_new = np.ones(len(x), np.bool_)
    is_new[1:] = x[1:] > x[:-1]
    return is_new


def _finite(values: npt.ArrayLike) -> FloatArray:
    array = to_float64(values).ravel()
    return array[np.isfinite(array)]


def _digest_of(content: object) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
