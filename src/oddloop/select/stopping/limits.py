"""Rules that count: money, rounds, time, and the share of the pool that has labels.

Each compares one number with its limit and needs O(1) time.
"""

from __future__ import annotations

from oddloop.select.cost import amount
from oddloop.select.stopping.answer import Answer

_NS_PER_HOUR = 3_600_000_000_000
_ROUNDING = 1e-9
"""Relative slack: costs are sums of prices such as 0.1, and a limit that is met exactly is not passed."""


def stop_at_budget(spent: float, next_cost: float, limit: float, unit: str, n_rounds: int, n_predicted: int) -> Answer:
    """Ask whether the next round would cost more than all rounds may.

    Args:
        spent: cost of the rounds so far, in `unit`; 0 or more.
        next_cost: predicted cost of the next one, in `unit`.
        limit: what all rounds may cost, in `unit`.
        unit: unit of costs.
        n_rounds: rounds so far.
        n_predicted: how many of them have no real cost, so that their predicted one counts.

    Returns:
        stop where spent + next_cost > limit. It never lacks data.

    >>> stop_at_budget(80.0, 30.0, 100.0, "EUR", 2, 1).sentence
    '80 EUR went into 2 rounds (1 as predicted) and the next costs 30: 110 of the 100 that all rounds may cost'
    """
    total = spent + next_cost
    predicted = f" ({n_predicted} as predicted)" if n_predicted else ""
    return Answer(
        "budget",
        total > limit * (1 + _ROUNDING),
        f"{amount(spent)} {unit} went into {_plural(n_rounds, 'round')}{predicted} and the next costs "
        f"{amount(next_cost)}: {amount(total)} of the {amount(limit)} that all rounds may cost",
    )


def stop_at_rounds(n_rounds: int, limit: int) -> Answer:
    """Ask whether there were as many rounds as there may be.

    Args:
        n_rounds: rounds so far; round zero does not count.
        limit: most rounds.

    Returns:
        stop where n_rounds >= limit. It never lacks data.

    >>> stop_at_rounds(3, 3)
    Answer(rule='rounds', stop=True, sentence='3 rounds of at most 3 are done')
    """
    noun = "is" if n_rounds == 1 else "are"
    return Answer("rounds", n_rounds >= limit, f"{_plural(n_rounds, 'round')} of at most {limit:,} {noun} done")


def stop_at_hours(now_ns: int, first_ns: int | None, limit_h: float) -> Answer:
    """Ask whether the first round began too long ago.

    Args:
        now_ns: now, ns since the Unix epoch.
        first_ns: when the first round was proposed, ns since the Unix epoch; None: not yet.
        limit_h: most hours since then.

    Returns:
        stop where `limit_h` hours or more have passed; no answer before the first round.

    >>> stop_at_hours(7_200_000_000_000, 0, 3.0)
    Answer(rule='hours', stop=False, sentence='2 hours of 3 have passed since the first round')
    """
    if first_ns is None:
        return Answer("hours", None, "there was no round yet from which hours could count")
    passed = (now_ns - first_ns) / _NS_PER_HOUR
    shown = f"{passed:,.1f}".removesuffix(".0")
    return Answer("hours", passed >= limit_h, f"{shown} hours of {limit_h:g} have passed since the first round")


def stop_at_time(now_ns: int, until_ns: int, until: str) -> Answer:
    """Ask whether a time has come.

    Args:
        now_ns: now, ns since the Unix epoch.
        until_ns: the time, ns since the Unix epoch.
        until: the same in words.

    Returns:
        stop from that time on. It never lacks data.

    >>> stop_at_time(5, 6, "1970-01-01")
    Answer(rule='until', stop=False, sentence='rounds are proposed until 1970-01-01, which has not come yet')
    """
    came = now_ns >= until_ns
    return Answer("until", came, f"rounds are proposed until {until}, which has {'passed' if came else 'not come yet'}")


def stop_at_share(n_labelled: int, n_pool: int, limit: float) -> Answer:
    """Ask whether enough of the pool has labels.

    Args:
        n_labelled: labelled scenes of the pool.
        n_pool: scenes of the pool.
        limit: share to reach, in (0, 1].

    Returns:
        stop where n_labelled / n_pool >= limit; no answer where the pool is empty.

    >>> stop_at_share(25, 100, 0.2).sentence
    '25 of 100 scenes of the pool have labels: 25.0 %, where 20 % are enough'
    """
    if n_pool == 0:
        return Answer("labelled_share", None, "the pool has no scenes of which a share could be labelled")
    share = n_labelled / n_pool
    return Answer(
        "labelled_share",
        n_labelled >= limit * n_pool * (1 - _ROUNDING),
        f"{n_labelled:,} of {n_pool:,} scenes of the pool have labels: {100 * share:.1f} %, "
        f"where {100 * limit:g} % are enough",
    )


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
