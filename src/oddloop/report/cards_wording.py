"""What a card says, as rows of measure, value, interval and remark; nothing is claimed beyond its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.report.formats import count, duration, ends, number, percent, plural

Card = dict[str, Any]
_WHY = ("error", "uncertainty", "novelty", "traits")
_LEAST_SHIFT, _MOST_MEASURES = 0.2, 8
"""Columns whose median is shifted by less than this part of the spread elsewhere tell nothing."""


@dataclass(frozen=True)
class Fact:
    """One row of a card: what, how much, the 95 % interval where there is one, and what it rests on."""

    what: str
    value: str
    interval: str = ""
    remark: str = ""


def facts_of(card: Card) -> list[Fact]:
    """The measured facts of a card, in the order in which people ask for them."""
    makers = (_logs, _rate, _rarity, _error, _lift, _score, _novelty, _labelled, _persistence)
    return [fact for make in makers if (fact := make(card)) is not None]


def _logs(card: Card) -> Fact:
    interval = _percents(card["log_share_low"], card["log_share_high"])
    return Fact("share of logs that have it", f"{_percent(card['log_share'])}", interval, plural(card["n_logs"], "log"))


def _rate(card: Card) -> Fact | None:
    if card["per_hour"] is None:
        return None
    interval = ends(card["per_hour_low"], card["per_hour_high"])
    remark = f"{plural(card['n_scenes'], 'scene')}, {duration(card['duration_s'])}"
    return Fact("scenes per hour of driving", number(card["per_hour"]), interval, remark)


def _rarity(card: Card) -> Fact:
    least = f"at least {number(card['rarity_bits_low'])}"
    return Fact("rarity", f"{number(card['rarity_bits'])} bit", least, "-log2 of the share of logs")


def _error(card: Card) -> Fact | None:
    if card["error"] is None:
        return None
    remark = f"{number(card['error_elsewhere'])} elsewhere"
    return Fact(card["metric"], number(card["error"]), "", remark)


def _lift(card: Card) -> Fact | None:
    if card["error_lift"] is None:
        return None
    remark = f"standard deviations; {plural(card['n_measured'], 'scene')}, {plural(card['n_logs_measured'], 'log')}"
    interval = ends(card["error_lift_low"], card["error_lift_high"])
    return Fact(f"{card['metric']}: worse than elsewhere by", _signed(card["error_lift"]), interval, remark)


def _score(card: Card) -> Fact | None:
    if card["score_lift"] is None:
        return None
    interval = ends(card["score_lift_low"], card["score_lift_high"])
    what = "uncertainty: higher than elsewhere by"
    return Fact(what, _signed(card["score_lift"]), interval, f"standard deviations of {card['score']}")


def _novelty(card: Card) -> Fact | None:
    if card["novel_share"] is None:
        return None
    low = card["novel_lift_low"]
    surplus = "no interval" if low is None else f"surplus at least {100 * low:+.0f} points"
    remark = "of its scenes lie farther from training than 99 % of training does"
    return Fact("novelty", _percent(card["novel_share"]), surplus, remark)


def _labelled(card: Card) -> Fact:
    remark = f"{count(card['n_labelled'])} of {plural(card['n_scenes'], 'scene')}"
    return Fact("labelled", percent(card["n_labelled"], card["n_scenes"]), "", remark)


def _persistence(card: Card) -> Fact:
    return Fact("persistence", _percent(card["persistence"]), "", "of all scales, at which it is nearly itself")


def _signed(value: float) -> str:
    return f"{value:+.2f}"


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


def _percents(low: float, high: float) -> str:
    return f"{ends(100 * low, 100 * high)} %"


@dataclass(frozen=True)
class Measure:
    """A column of `scenes` in a cluster and elsewhere: medians, and from the 5 % to the 95 % quantile."""

    name: str
    here: str
    here_range: str
    elsewhere: str
    elsewhere_range: str


def measured_of(parameters: Sequence[Any]) -> list[Measure]:
    """The columns that lie farthest from those of other scenes, as text.

    Args:
        parameters: `discover.cards.parameters.Parameter`, the most telling first.
    """
    telling = [p for p in parameters if abs(p.shift) >= _LEAST_SHIFT]  # NaN is not
    return [_measure(p) for p in telling[:_MOST_MEASURES]]


def _measure(p: Any) -> Measure:
    unit = f" {p.unit}" if p.unit else ""
    here, elsewhere = ends(p.low, p.high), ends(p.elsewhere_low, p.elsewhere_high)
    return Measure(p.name, f"{number(p.median)}{unit}", here, f"{number(p.elsewhere_median)}{unit}", elsewhere)


def why_of(card: Card) -> list[str]:
    """Why it may matter, in sentences; what the facts say besides is left out."""
    return [reason["text"] for reason in card["reasons"] if reason["code"] in _WHY]


def headline_of(n_clusters: int, n_scenes: int, n_named: int, n_questions: int) -> str:
    """The page in one line.

    >>> headline_of(54, 1836, 1, 0)
    '54 clusters in 1,836 scenes, 1 of them named'
    """
    asked = f"; {plural(n_questions, 'question')} to answer" if n_questions else ""
    named = f"{n_named:,} of them named" if n_named else "none of them named yet"
    return f"{plural(n_clusters, 'cluster')} in {plural(n_scenes, 'scene')}, {named}{asked}"


def news_of(events: Sequence[dict[str, Any]]) -> str:
    """What became of clusters since the run before, counted.

    >>> news_of([{"event": "emerged"}, {"event": "emerged"}])
    'The first run: 2 emerged.'
    """
    if not events:
        return ""
    kinds = [e["event"] for e in events]
    counts = ", ".join(f"{kinds.count(kind):,} {kind}" for kind in dict.fromkeys(sorted(kinds)))
    return f"{'The first run' if set(kinds) == {'emerged'} else 'Since the run before'}: {counts}."
