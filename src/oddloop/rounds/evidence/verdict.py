"""Did it help? What a comparison says after one more look at it.

One looks after each round, and each look may be fooled by luck. So of the chance of a false claim that a team allows in
all rounds together (`false_claims`), look k may use 6 / (pi k)²: 61 %, 15 %, 7 % and so on, which sum to 1 without an
end. The first looks get most since the gain over chance is largest there: later both arms know the pool. Looks at one
arm that grows are alike, so that this is on the safe side.

    helped        the whole interval of that confidence is above 0
    did_not       it is below `smallest_lift`, or where none is set, below 0
    cannot_tell   else, or no luck could be measured
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy.special import stdtrit

from oddloop.config import EvidenceConfig

HELPED, DID_NOT, CANNOT_TELL = "helped", "did_not", "cannot_tell"
_HOPELESS = 100.0


@dataclass(frozen=True)
class Verdict:
    """What a look says; None where no luck could be measured.

    Attributes:
        verdict: `helped`, `did_not` or `cannot_tell`.
        confidence: coverage of the interval, in (0, 1): it grows with the looks.
        lift: how much better, in the metric's unit.
        low, high: ends of its interval.
        settle: what would settle it; "" where it is settled.
    """

    verdict: str
    confidence: float
    lift: float
    low: float | None
    high: float | None
    settle: str = ""


def confidence_at(look: int, false_claims: float) -> float:
    """Coverage of the two-sided interval at a look, counted from 1.

    >>> [round(confidence_at(look, 0.05), 4) for look in (1, 2, 3)]
    [0.9392, 0.9848, 0.9932]
    """
    return 1 - 2 * false_claims * 6 / (math.pi * look) ** 2


def judge_lift(row: Mapping[str, Any], look: int, config: EvidenceConfig) -> Verdict:
    """Judge one row of LIFTS, that of all scenes.

    Args:
        row: lift, luck, held_out, freedom, n_logs; the last four null where nothing is known of the luck.
        look: how often one has looked, this time included.
        config: `false_claims` and `smallest_lift`.

    >>> row = {"lift": 0.3, "luck": 0.01, "held_out": 0.0, "freedom": 8.0, "n_logs": 40}
    >>> judged = judge_lift(row, 1, EvidenceConfig())  # .3 - 2.185 x .1
    >>> judged.verdict, round(judged.low, 3)
    ('helped', 0.082)
    """
    confidence, lift = confidence_at(look, config.false_claims), float(row["lift"])
    if row["freedom"] is None:
        return Verdict(CANNOT_TELL, confidence, lift, None, None, _no_luck(row))
    half = stdtrit(row["freedom"], (1 + confidence) / 2) * math.sqrt(row["luck"] + row["held_out"])
    low, high = lift - float(half), lift + float(half)
    if low > 0:
        return Verdict(HELPED, confidence, lift, low, high)
    if high < 0 or high < config.smallest_lift:
        return Verdict(DID_NOT, confidence, lift, low, high)
    return Verdict(CANNOT_TELL, confidence, lift, low, high, _settle(row, float(half), lift))


def _no_luck(row: Mapping[str, Any]) -> str:
    if row["n_logs"] < 5:
        return f"{row['n_logs']} held-out logs are too few to judge; 5 are needed, 30 are better"
    return "the models of both arms do not differ between halves of the picks, so their luck cannot be measured"


def _settle(row: Mapping[str, Any], half: float, lift: float) -> str:
    """How much more of what would make the interval leave out 0, were the lift as it seems."""
    factor = (half / abs(lift)) ** 2 if lift else math.inf
    if factor > _HOPELESS:
        return "the lift seems so small that no reasonable number of picks or logs would show it"
    if row["held_out"] > row["luck"]:
        return (
            f"about {math.ceil(factor * row['n_logs'])} held-out logs instead of {row['n_logs']}, if it stays as large"
        )
    more = f"about {factor:.1f} times the picks in both arms, if it stays as large"
    return f"{more}; or more `splits`, which steady the interval a little" if row["freedom"] < 8 else more
