"""The evidence in words, each sentence with its numbers and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oddloop.rounds.evidence.equal_cost import Side
from oddloop.rounds.evidence.verdict import CANNOT_TELL, DID_NOT, HELPED, Verdict

OPENINGS = {HELPED: "It helped", DID_NOT: "It did not help", CANNOT_TELL: "Cannot tell yet"}


def number(value: float) -> str:
    """Three digits.

    >>> number(2.58012), number(0.000123456)
    ('2.58', '0.000123')
    """
    return f"{value:.3g}"


def lift_sentence(
    verdict: Verdict, row: Mapping[str, Any], sides: tuple[Side, Side], names: tuple[str, str], unit: str
) -> str:
    """Did the picks help: the verdict, both values at their cost, the interval, and what it rests on.

    Args:
        verdict: what the comparison says.
        row: LIFTS, of all scenes.
        sides: ours and theirs.
        names: of the policy, and of what it is compared with.
        unit: of costs.
    """
    cost = f"half the cost of the picks so far, {sides[0].cost / 2:,.0f} {unit}"
    if abs(sides[0].cost - sides[1].cost) > 0.005 * max(sides[0].cost, sides[1].cost):
        cost += f" against {sides[1].cost / 2:,.0f}"
    what = f"{row['metric']} {number(row['value'])} against {number(row['other_value'])}"
    said = f"{OPENINGS[verdict.verdict]}: with {names[0]} ({sides[0].named}) {what} with {names[1]} ({sides[1].named})"
    said += f", at {cost}: {_lift(verdict)}{_per_cost(verdict, sides[0].cost / 2, unit)}. {support(row, sides)}."
    return f"{said} What would settle it: {verdict.settle}." if verdict.settle else said


def _lift(verdict: Verdict) -> str:
    size = f"{number(abs(verdict.lift))} {'better' if verdict.lift >= 0 else 'worse'}"
    if verdict.low is None or verdict.high is None:
        return f"{size}, without an interval"
    return f"{size} ({100 * verdict.confidence:.3g} % interval {verdict.low:+.3g} to {verdict.high:+.3g})"


def _per_cost(verdict: Verdict, cost: float, unit: str) -> str:
    """The lift of a unit of cost, with its interval."""
    if verdict.low is None or verdict.high is None or cost <= 0:
        return ""
    low, lift, high = (v / cost for v in (verdict.low, verdict.lift, verdict.high))
    return f", or {lift:+.2g} per {unit} ({low:+.2g} to {high:+.2g})"


def support(row: Mapping[str, Any], sides: tuple[Side, Side]) -> str:
    """What a comparison rests on: held-out logs and scenes, trainings, picks."""
    used = {id(one): one.metrics for side in sides for one in (side.first, side.second)}
    n_models = sum(len(metrics.group_by(["split", "half"]).aggregate([])) for metrics in used.values())
    picks = " and ".join(f"{side.n_picks:.0f}" for side in sides)
    return f"It rests on {row['n_logs']} held-out logs ({row['n_scenes']} scenes), {n_models} trainings, {picks} picks"


def change_sentence(row: Mapping[str, Any], names: tuple[str, str]) -> str:
    """What the model gained over the one before it, on the same scenes.

    >>> row = {"metric": "recall", "value": 0.8, "other_value": 0.7, "lift": 0.1, "ci_low": 0.04, "ci_high": 0.16}
    >>> change_sentence(row | {"n_logs": 30}, ("m002", "m001"))
    'recall of m002 is 0.8, of m001 0.7: better by 0.1 (95 % interval over 30 held-out logs +0.04 to +0.16)'
    """
    word = "better" if row["lift"] >= 0 else "worse"
    said = f"{row['metric']} of {names[0]} is {number(row['value'])}, of {names[1]} {number(row['other_value'])}: "
    said += f"{word} by {number(abs(row['lift']))}"
    if row["ci_low"] is None:
        return f"{said}; {row['n_logs']} held-out logs are too few for an interval"
    return f"{said} (95 % interval over {row['n_logs']} held-out logs {row['ci_low']:+.3g} to {row['ci_high']:+.3g})"


def forecast_sentence(checked: Mapping[str, Any]) -> str:
    """Whether a forecast came true.

    >>> forecast_sentence({"low": 2.0, "high": 2.4, "came": 2.1, "inside": True})
    'the forecast was 2 to 2.4; it came to 2.1, inside'
    """
    where = "inside" if checked["inside"] else "outside"
    ends = f"{number(checked['low'])} to {number(checked['high'])}"
    return f"the forecast was {ends}; it came to {number(checked['came'])}, {where}"
