"""Predicted against real labelling cost: how far the prices are off, in one sentence, with the prices that would fit.

    ratio = sum of real / sum of predicted

with an interval over whole logs (`intervals.ratio_by_log`). Time and memory: see `prices`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.config import CostConfig
from oddloop.intervals import ratio_by_log
from oddloop.select.cost import amount
from oddloop.select.pool import Floats
from oddloop.select.prices import FittedPrice, fit_prices


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
        fitted = ", ".join(map(str, self.prices))
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
    ratio, low, high = ratio_by_log(paid, guess, codes)
    prices: tuple[FittedPrice, ...] = ()
    untold: tuple[str, ...] = ()
    if counts is not None:
        frames, objects = (np.asarray(count, dtype=np.float64)[known] for count in counts)
        prices, untold = fit_prices((frames, objects), guess, paid, codes, config, rng)
    return CostCheck(
        n_scenes=len(paid),
        n_unknown=int((~known).sum()),
        n_logs=len(names),
        predicted=float(guess.sum()),
        real=float(paid.sum()),
        ratio=ratio,
        low=low,
        high=high,
        is_copy=bool(len(paid) and np.allclose(paid, guess, rtol=1e-9, atol=0.0)),
        error=_mean_error(guess, paid),
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


def _mean_error(guess: Floats, paid: Floats) -> float:
    """Mean of |predicted - real| / real over scenes that cost something; NaN without any."""
    rows = paid > 0
    with np.errstate(over="ignore"):  # of what cost next to nothing the error has no bound
        errors = np.abs(guess - paid)[rows] / paid[rows]
    return float(errors.mean()) if len(errors) else float("nan")


def _none_if_unknown(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
