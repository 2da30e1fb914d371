"""Rules that look at what rounds gained: a plateau of a metric, and a gain below its own noise.

A gain is the difference of two models on the same held-out scenes, with an interval over whole logs, larger = better.
A wide interval is no proof of a plateau: it says that a gain was not shown. `min_gain` asks for more, that a larger one
is ruled out. Without an interval (too few logs) there is no answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from oddloop.select.cost import amount
from oddloop.select.stopping.answer import Answer


@dataclass(frozen=True)
class Gain:
    """How much better one round's model is than an earlier one's.

    Attributes:
        before, after: the rounds.
        metric: what was measured.
        value: gain in the metric's unit, above 0 = better; NaN where the models share no scene.
        low, high: ends of its 95 % interval; NaN with too few logs.
        n_scenes, n_logs: held-out scenes and logs that both models were measured on.
    """

    before: str
    after: str
    metric: str
    value: float
    low: float
    high: float
    n_scenes: int
    n_logs: int

    @property
    def is_known(self) -> bool:
        """Whether there is an interval."""
        return all(math.isfinite(x) for x in (self.value, self.low, self.high))

    def __str__(self) -> str:
        support = f"{self.n_scenes:,} scenes in {self.n_logs:,} logs"
        return f"{self.after} less {self.before} {self.value:+.4g} [{self.low:+.4g}, {self.high:+.4g}], {support}"


def stop_at_plateau(gains: Sequence[Gain], n_rounds: int, min_gain: float | None = None) -> Answer:
    """Ask whether the last rounds brought no gain that its interval shows.

    Args:
        gains: of each of the last `n_rounds` rounds over the model before them all, oldest first; fewer where there
            were fewer rounds.
        n_rounds: rounds to look at, 1 or more.
        min_gain: smallest gain that matters, in the metric's unit; None: any that is surely above 0.

    Returns:
        stop where no gain's lower end is above 0 and, with `min_gain`, no upper end above `min_gain`; no answer with
        fewer rounds, or where a gain has no interval.

    >>> gain = Gain("r001", "r002", "accuracy", 0.01, -0.02, 0.04, 60, 6)
    >>> stop_at_plateau([gain], 1).sentence
    'accuracy did not surely improve in the last round: r002 less r001 +0.01 [-0.02, +0.04], 60 scenes in 6 logs'
    >>> stop_at_plateau([gain], 1, min_gain=0.03).stop
    False
    """
    rule = "plateau_rounds"
    if len(gains) < n_rounds:
        return Answer(rule, None, f"a plateau of {n_rounds} needs {n_rounds + 1} evaluated rounds; a comparison is of "
                      f"{len(gains)} so far")  # fmt: skip
    if missing := [gain for gain in gains if not gain.is_known]:
        return Answer(rule, None, f"no plateau can be told: {_why_unknown(missing[0])}")
    span = "the last round" if n_rounds == 1 else f"the last {n_rounds} rounds"
    best = max(gains, key=lambda gain: gain.low)
    if best.low > 0:
        return Answer(rule, False, f"{best.metric} surely improved in {span}: {best}")
    widest = max(gains, key=lambda gain: gain.high)
    if min_gain is not None and widest.high > min_gain:
        return Answer(rule, False, f"a gain of {min_gain:g} {widest.metric} in {span} is not ruled out: {widest}")
    return Answer(rule, True, f"{best.metric} did not surely improve in {span}: {best}")


def stop_at_small_gain(gain: Gain | None, cost: float, unit: str) -> Answer:
    """Ask whether what the last round gained per cost is below its noise.

    Args:
        gain: of the last round over the one before; None with fewer than two evaluated rounds.
        cost: what the last round's labels cost, in `unit`.
        unit: unit of costs.

    Returns:
        stop where gain / cost <= half width of the gain's interval / cost; no answer without an interval or a cost.

    >>> gain = Gain("r001", "r002", "accuracy", 0.01, -0.02, 0.04, 60, 6)
    >>> stop_at_small_gain(gain, 10.0, "EUR").sentence
    'r002 gained +0.01 accuracy [-0.02, +0.04] for 10 EUR: 0.001 for each, and the noise is 0.003; 60 scenes in 6 logs'
    """
    rule = "gain_under_noise"
    if gain is None:
        return Answer(rule, None, "a gain needs two evaluated rounds")
    if not gain.is_known:
        return Answer(rule, None, f"the last gain cannot be told from noise: {_why_unknown(gain)}")
    if not cost > 0:
        return Answer(rule, None, f"the labels of {gain.after} cost nothing, so there is no gain per cost")
    noise = (gain.high - gain.low) / 2
    return Answer(
        rule,
        gain.value <= noise,
        f"{gain.after} gained {gain.value:+.4g} {gain.metric} [{gain.low:+.4g}, {gain.high:+.4g}] for "
        f"{amount(cost)} {unit}: {gain.value / cost:.3g} for each, and the noise is {noise / cost:.3g}; "
        f"{gain.n_scenes:,} scenes in {gain.n_logs:,} logs",
    )


def stop_at_worth(gain: Gain | None, cost: float, worth: float, unit: str) -> Answer:
    """Ask whether what the last round gained per cost is surely below what it is worth.

    Args:
        gain: of the last round over the one before; None with fewer than two evaluated rounds.
        cost: what the last round's labels cost, in `unit`.
        worth: the gain that one `unit` must bring, in the metric's unit; 0 or more.
        unit: unit of costs.

    Returns:
        stop where the upper end of the gain's interval / cost < worth; no answer without an interval or a cost.

    >>> gain = Gain("r001", "r002", "accuracy", 0.01, -0.02, 0.04, 60, 6)
    >>> stop_at_worth(gain, 10.0, 0.005, "EUR").sentence
    'r002 gained at most 0.004 accuracy for each of 10 EUR, where 0.005 is worth it; 60 scenes in 6 logs'
    """
    rule = "gain_per_cost"
    if gain is None:
        return Answer(rule, None, "a gain needs two evaluated rounds")
    if not gain.is_known:
        return Answer(rule, None, f"the last gain is not known: {_why_unknown(gain)}")
    if not cost > 0:
        return Answer(rule, None, f"the labels of {gain.after} cost nothing, so there is no gain per cost")
    most = gain.high / cost
    return Answer(
        rule,
        most < worth,
        f"{gain.after} gained at most {most:.3g} {gain.metric} for each of {amount(cost)} {unit}, where {worth:g} is "
        f"worth it; {gain.n_scenes:,} scenes in {gain.n_logs:,} logs",
    )


def _why_unknown(gain: Gain) -> str:
    if not gain.n_scenes:
        return f"{gain.after} and {gain.before} share no held-out scene with {gain.metric or 'a metric'}"
    shared = f"{gain.after} and {gain.before} share {gain.n_scenes:,} scenes in {gain.n_logs:,} logs"
    return f"{shared}, too few for an interval"
