"""Predicted against real labelling cost: how far the prices are off, and which prices fit what was paid.

    ratio R = sum of real / sum of predicted

Its interval takes logs, and not scenes, as independent: with r_l = real - R x predicted summed over log l, the variance
of R is k / (k - 1) x sum of r_l^2 / (sum of predicted)^2 over k logs, and the ends are quantiles of Student's t with
k - 1 degrees of freedom (Cochran, Sampling techniques, 1977, sections 6.3 and 9A.2).

Prices are fitted by non-negative least squares of the real cost on one, frames and objects, each scene weighed by
1 / predicted (costs scatter the more, the larger they are; and so the fitted total is the real one where no price is
held at 0). A part that cannot be told from the others, such as frames where all scenes have equally many, is left out.
The intervals of prices resample logs; with 20 logs
they hold the true price in about 90 % of cases. Time O(n + B), memory O(n + logs x B).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from oddloop.config import CostConfig
from oddloop.intervals import draw_weights
from oddloop.select.cost import amount

Floats = npt.NDArray[np.float64]
PARTS = ("per_frame", "per_object", "per_scene")
"""Prices, in the order in which they are kept where two cannot be told apart."""
_MIN_SCENES = 10
_MIN_LOGS = 5
_N_DRAWS = 400
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class FittedPrice:
    """A price that fits what was paid.

    Attributes:
        name: the setting in `[cost]`.
        now: what it is set to.
        value: what fits, 0 or more.
        low, high: ends of its 95 % interval; NaN with too few logs.
    """

    name: str
    now: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class CostCheck:
    """Predicted against real cost of labelled scenes, in `unit`.

    Attributes:
        n_scenes: scenes whose real cost is known.
        n_unknown: labelled scenes whose real cost is not.
        n_logs: logs of those that are.
        predicted, real: sums over them.
        ratio: real / predicted; NaN where nothing was predicted.
        low, high: ends of its 95 % interval; NaN with scenes of one log only.
        is_copy: whether every real cost is the predicted one, as where `picks.csv` was sent back as it was.
        error: mean of |predicted - real| / real, over scenes that cost something; NaN without.
        prices: those that can be fitted; none with fewer than ten scenes.
        untold: parts of the price that cannot be told from the fitted ones.
        unit: the cost unit.
    """

    n_scenes: int
    n_unknown: int
    n_logs: int
    predicted: float
    real: float
    ratio: float
    low: float
    high: float
    is_copy: bool
    error: float
    prices: tuple[FittedPrice, ...]
    untold: tuple[str, ...]
    unit: str

    @property
    def finding(self) -> str:
        """`too_low`, `too_high`, `hold` (the interval has 1 in it), `copied`, or `unknown` (there is no interval)."""
        if self.is_copy:
            return "copied"
        if not np.isfinite([self.low, self.high]).all():
            return "unknown"
        return "too_low" if self.low > 1 else "too_high" if self.high < 1 else "hold"

    @property
    def sentence(self) -> str:
        """What was found, with support, and what would fit where the prices are off."""
        if not self.n_scenes:
            return f"no real cost is known of {self.n_unknown:,} labelled scenes; deliver `cost` with the labels"
        if self.is_copy:
            return f"each real cost of {self.n_scenes:,} scenes is the predicted one; deliver what was paid"
        unknown = f"; of {self.n_unknown:,} more the real cost is not known" if self.n_unknown else ""
        return f"{self._ratio}, {self._support}: {_FINDINGS[self.finding]}{self._fit}{unknown}"

    def to_json(self) -> dict[str, Any]:
        """Plain content, with the finding and the sentence; what is not known is None."""
        known = {name: _none_if_unknown(value) for name, value in asdict(self).items()}
        known["prices"] = [{n: _none_if_unknown(v) for n, v in asdict(price).items()} for price in self.prices]
        return {**known, "finding": self.finding, "sentence": self.sentence}

    @property
    def _ratio(self) -> str:
        if not np.isfinite(self.ratio):
            return f"labels cost {amount(self.real)} {self.unit} where nothing was predicted"
        interval = f" [{self.low:.2f}, {self.high:.2f}]" if np.isfinite(self.low) else ""
        return f"labels cost {self.ratio:.2f} times the prediction{interval}"

    @property
    def _support(self) -> str:
        off = f", one scene is off by {100 * self.error:.0f} % on average" if np.isfinite(self.error) else ""
        scenes = f"{self.n_scenes:,} scene{'s' * (self.n_scenes != 1)} in {self.n_logs:,} log{'s' * (self.n_logs != 1)}"
        return f"{amount(self.real)} of {amount(self.predicted)} {self.unit}, {scenes}{off}"

    @property
    def _fit(self) -> str:
        if self.finding not in ("too_low", "too_high") or not self.prices:
            return ""
        fitted = ", ".join(_price_text(price) for price in self.prices)
        untold = f" ({', '.join(self.untold)} cannot be told from these)" if self.untold else ""
        return f"; fitted prices: {fitted}{untold}"


_FINDINGS = {
    "too_low": "the prices in [cost] are too low",
    "too_high": "the prices in [cost] are too high",
    "hold": "the prices in [cost] hold",
    "unknown": "too few logs to say more",
}


def reconcile_costs(
    predicted: npt.ArrayLike,
    real: npt.ArrayLike,
    logs: npt.ArrayLike,
    counts: tuple[npt.ArrayLike, npt.ArrayLike] | None,
    config: CostConfig,
    rng: np.random.Generator,
) -> CostCheck:
    """Compare the predicted with the real cost of labelled scenes.

    Args:
        predicted: (n,) predicted costs, 0 or more, in `config.unit`.
        real: (n,) real costs, 0 or more; NaN where not known.
        logs: (n,) log of each scene, numbers or texts.
        counts: (n,) frames and (n,) objects that the prediction was made of, for fitted prices; None: not known.
        config: the prices as they are.
        rng: draws the resamples of logs for the intervals of prices.

    Returns:
        what was found; nothing is changed.

    Raises:
        ValueError: the arrays are not of one length, or a cost is negative or infinite.

    >>> found = reconcile_costs([10.0, 20.0, 30.0], [12.0, 26.0, float("nan")], ["a", "b", "b"], None, CostConfig(),
    ...     np.random.default_rng(0))
    >>> round(found.ratio, 3), found.n_scenes, found.n_unknown, round(found.error, 3)  # 38 / 30
    (1.267, 2, 1, 0.199)
    """
    guess, paid, groups = _checked(predicted, real, logs)
    known = ~np.isnan(paid)
    guess, paid = guess[known], paid[known]
    names, codes = np.unique(groups[known], return_inverse=True)
    ratio = float(paid.sum() / guess.sum()) if guess.sum() > 0 else float("nan")
    half = _half_width(paid - ratio * guess, codes, len(names), float(guess.sum()))
    cost_something = paid > 0
    with np.errstate(over="ignore"):  # of what cost next to nothing the error has no bound
        errors = np.abs(guess - paid)[cost_something] / paid[cost_something]
    prices: tuple[FittedPrice, ...] = ()
    untold: tuple[str, ...] = ()
    if counts is not None and len(paid) >= _MIN_SCENES:
        frames, objects = (np.asarray(count, dtype=np.float64)[known] for count in counts)
        design = np.stack([frames, objects, np.ones(len(paid))], axis=1)
        prices, untold = _fit_prices(design, guess, paid, codes, config, rng)
    return CostCheck(
        n_scenes=len(paid),
        n_unknown=int((~known).sum()),
        n_logs=len(names),
        predicted=float(guess.sum()),
        real=float(paid.sum()),
        ratio=ratio,
        low=ratio - half,
        high=ratio + half,
        is_copy=bool(len(paid) and np.allclose(paid, guess, rtol=1e-9, atol=0.0)),
        error=float(errors.mean()) if len(errors) else float("nan"),
        prices=prices,
        untold=untold,
        unit=config.unit,
    )


def _checked(
    predicted: npt.ArrayLike, real: npt.ArrayLike, logs: npt.ArrayLike
) -> tuple[Floats, Floats, npt.NDArray[np.generic]]:
    guess, paid, groups = np.asarray(predicted, np.float64), np.asarray(real, np.float64), np.asarray(logs)
    if guess.ndim != 1 or not guess.shape == paid.shape == groups.shape:
        shapes = f"{guess.shape}, {paid.shape} and {groups.shape}"
        raise ValueError(f"give a predicted cost, a real cost and a log per scene; got {shapes}")
    if not ((guess >= 0) & (guess < np.inf)).all() or ((paid < 0) | (paid == np.inf)).any():
        raise ValueError("a cost is negative or infinite; costs are 0 or more, and NaN where the real one is not known")
    return guess, paid, groups


def _half_width(residual: Floats, codes: npt.NDArray[np.intp], n_logs: int, total: float) -> float:
    """Half width of the ratio's interval; NaN with fewer than two logs, or where nothing was predicted."""
    if n_logs < 2 or not total > 0:
        return float("nan")
    sums = np.bincount(codes, residual, minlength=n_logs)
    variance = n_logs / (n_logs - 1) * float(sums @ sums) / total**2
    return float(stdtrit(n_logs - 1, (1 + _CONFIDENCE) / 2) * np.sqrt(variance))


def _fit_prices(
    design: Floats,
    guess: Floats,
    paid: Floats,
    codes: npt.NDArray[np.intp],
    config: CostConfig,
    rng: np.random.Generator,
) -> tuple[tuple[FittedPrice, ...], tuple[str, ...]]:
    """Prices that fit, and the parts that cannot be told from them."""
    usable = guess > 0
    scale = 1.0 / np.sqrt(guess[usable])
    weighed = design[usable] * scale[:, None]
    kept = _independent(weighed)
    if not kept:
        return (), PARTS
    gram, moment = _per_log(weighed[:, kept], paid[usable] * scale, codes[usable])
    value = _solve(gram.sum(axis=0), moment.sum(axis=0))
    low, high = _price_intervals(gram, moment, rng)
    prices = [
        FittedPrice(PARTS[part], getattr(config, PARTS[part]), float(value[i]), float(low[i]), float(high[i]))
        for i, part in enumerate(kept)
    ]
    return tuple(prices), tuple(name for part, name in enumerate(PARTS) if part not in kept)


def _independent(columns: Floats) -> list[int]:
    """The columns that no combination of the earlier ones makes."""
    norms = np.linalg.norm(columns, axis=0)
    kept: list[int] = []
    for part in np.flatnonzero(norms > 0).tolist():
        tried = columns[:, [*kept, part]] / norms[[*kept, part]]
        if np.linalg.matrix_rank(tried, tol=1e-6) > len(kept):
            kept.append(part)
    return kept


def _per_log(columns: Floats, paid: Floats, codes: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """(L,P,P) and (L,P) sums of products per log: they add up over logs."""
    _, codes = np.unique(codes, return_inverse=True)
    n_logs, n_parts = int(codes.max()) + 1, columns.shape[1]
    gram, moment = np.zeros((n_logs, n_parts, n_parts)), np.zeros((n_logs, n_parts))
    np.add.at(gram, codes, columns[:, :, None] * columns[:, None, :])
    np.add.at(moment, codes, columns * paid[:, None])
    return gram, moment


def _solve(gram: Floats, moment: Floats) -> Floats:
    """Non-negative least squares from sums of products; NaN where a resample cannot tell the parts apart."""
    from scipy.optimize import nnls  # here: slow to load

    scale = np.sqrt(np.diag(gram))
    if not (scale > 0).all():
        return np.full(len(gram), np.nan)
    try:
        factor = np.linalg.cholesky(gram / np.outer(scale, scale))
    except np.linalg.LinAlgError:
        return np.full(len(gram), np.nan)
    solution: Floats = nnls(factor.T, np.linalg.solve(factor, moment / scale))[0] / scale
    return solution


def _price_intervals(gram: Floats, moment: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Ends of the prices' percentile intervals over resampled logs; NaN with too few."""
    n_logs, n_parts = moment.shape
    if n_logs < _MIN_LOGS:
        return np.full(n_parts, np.nan), np.full(n_parts, np.nan)
    weights = draw_weights(n_logs, _N_DRAWS, rng).astype(np.float64)
    grams, moments = np.tensordot(weights, gram, (0, 0)), weights.T @ moment
    draws = np.stack([_solve(one, other) for one, other in zip(grams, moments, strict=True)])
    draws = draws[~np.isnan(draws).any(axis=1)]
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0) if len(draws) else np.full((2, n_parts), np.nan)
    return low, high


def _none_if_unknown(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _price_text(price: FittedPrice) -> str:
    interval = f" [{price.low:.3g}, {price.high:.3g}]" if np.isfinite(price.low) else ""
    return f"{price.name} {price.value:.3g}{interval} instead of {price.now:g}"
