"""What the ledger keeps of the evidence of a round: verdict, sentence, numbers, forecast and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import Config
from oddloop.coverage import ALL_SCENES
from oddloop.rounds.evidence.equal_cost import Side
from oddloop.rounds.evidence.forecast import calibration, check_forecasts
from oddloop.rounds.evidence.sentences import OPENINGS, change_sentence, forecast_sentence, lift_sentence
from oddloop.rounds.evidence.verdict import CANNOT_TELL, HELPED, judge_lift
from oddloop.rounds.state import RoundState

_NAMED = 5
"""Segments that the event names of those that surely gained or lost; the table has all."""
_OTHERS = {"control": "the control arm", "within": "the control share of the rounds"}


def describe(
    rounds: Sequence[RoundState],
    metric: str,
    lifts: pa.Table,
    sides: tuple[Side, Side] | None,
    source: str,
    config: Config,
) -> dict[str, Any]:
    """The payload, digests and costs aside.

    Args:
        rounds: evaluated rounds, oldest first, the one that is weighed last.
        metric: the metric that is followed.
        lifts: LIFTS of the round.
        sides: what was compared at one cost, or None.
        source: `control`, `within` or "".
        config: of the workspace.
    """
    state, row = rounds[-1], _row(lifts, source)
    checked = [one for one in check_forecasts(rounds) if one["metric"] == metric]
    mine = next((one for one in checked if one["round_id"] == state.round_id), None)
    change = _row(lifts, "previous")
    told = _judged(rounds, row, sides, source, config)
    parts = [told["sentence"]]
    if change:
        names = (str(state.evaluation["model_id"]), str(rounds[-2].evaluation["model_id"]))
        parts.append(f"{change_sentence(change, names)}.")
    if mine:
        parts.append(f"{forecast_sentence(mine).capitalize()}; {calibration(checked)['sentence']}.")
    return {
        **told,
        "metric": metric,
        "source": source,
        "sentences": parts,
        "change": change,
        "lift": row,
        "segments": _segments(lifts, source, config.evidence.false_claims),
        "forecast": mine,
        "calibration": calibration(checked),
    }


def _judged(
    rounds: Sequence[RoundState],
    row: Mapping[str, Any] | None,
    sides: tuple[Side, Side] | None,
    source: str,
    config: Config,
) -> dict[str, Any]:
    look = sum(state.number > 0 for state in rounds)
    earlier = next((s.round_id for s in rounds[:-1] if s.evidence.get("verdict") == HELPED), None)
    if row is None or sides is None:
        sentence = f"{OPENINGS[CANNOT_TELL]} whether the picks helped: {_why_not(rounds[-1], source, config)}."
        return {"verdict": CANNOT_TELL, "sentence": sentence, "look": look, "helped_before": earlier}
    verdict = judge_lift(row, max(look, 1), config.evidence)
    names = (str(rounds[-1].proposal.get("policy") or "the policy"), _OTHERS[source])
    sentence = lift_sentence(verdict, row, sides, names, config.cost.unit)
    if earlier and verdict.verdict == CANNOT_TELL:
        sentence += f" By {earlier} the picks had been found to help."
    numbers = {name: value for name, value in asdict(verdict).items() if name != "verdict"}
    cost = {"cost": sides[0].cost / 2, "other_cost": sides[1].cost / 2}
    said = {"verdict": verdict.verdict, "sentence": sentence, "look": look, "helped_before": earlier}
    return {**said, "judged": numbers | cost}


def _why_not(state: RoundState, source: str, config: Config) -> str:
    evidence = config.evidence
    if not state.number:
        return "these are the labels from before the first round"
    if not evidence.splits or not config.train.command:
        return "no models were trained on halves of the picks, so nothing shows their luck; set `splits` in [evidence]"
    if source == "control":
        return "the control arm has no round of that cost with such models yet; run it, with the same `splits`"
    if source == "within":
        return "too few of the picks were drawn as control; raise `control_share` of the policy"
    return "there is nothing to compare them with; name a `control` arm in [evidence], or set `within`"


def _row(lifts: pa.Table, comparison: str) -> dict[str, Any] | None:
    found = lifts.filter(pc.and_(pc.equal(lifts["comparison"], comparison), pc.equal(lifts["segment_id"], ALL_SCENES)))
    return dict(found.to_pylist()[0]) if found.num_rows else None


def _segments(lifts: pa.Table, source: str, rate: float) -> dict[str, list[dict[str, Any]]]:
    """Segments that surely gained or lost, for all of them together; the largest first."""
    mine = lifts.filter(pc.and_(pc.equal(lifts["comparison"], source), pc.less_equal(lifts["q_value"], rate)))
    rows = sorted(mine.to_pylist(), key=lambda row: (-abs(row["lift"]), row["segment_id"]))
    keep = ("segment_id", "lift", "ci_low", "ci_high", "q_value", "n_logs")
    told = [{name: row[name] for name in keep} for row in rows]
    gained, lost = ([row for row in told if (row["lift"] > 0) == up] for up in (True, False))
    return {"gained": gained[:_NAMED], "lost": lost[:_NAMED]}
