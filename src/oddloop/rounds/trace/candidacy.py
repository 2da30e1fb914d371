"""In which rounds a scene was a candidate, how it scored among them, and whether and why it was picked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from oddloop.rounds.state import Event, RoundState
from oddloop.rounds.trace.moment import Moment
from oddloop.rounds.trace.reading import Reader
from oddloop.select.reasons import share_text

_COLUMNS = ["scene_id", "cost", "score", "score_valid", "n_frames", "n_objects"]


def candidacies(reader: Reader, rounds: Sequence[tuple[RoundState, Event]]) -> Iterator[Moment]:
    """Each round that had the scene in its pool, with its score then; the first of them before the others.

    Args:
        reader: reads the pool snapshots.
        rounds: rounds that were proposed, each with the event of its last proposal.
    """
    is_first = True
    for state, event in rounds:
        found = _candidate(reader, state)
        pick = next((p for p in state.proposal["picks"] if p["scene_id"] == reader.scene_id), None)
        if found is None and pick is None:
            continue
        if is_first:
            n_candidates = state.proposal["pool"]["n_candidates"]
            text = f"first seen in a pool snapshot: that of {state.round_id}, of {n_candidates:,} candidates"
            yield Moment.of(event, text, {"pool": state.proposal["pool"]["digest"]}, kind="first_seen")
            is_first = False
        yield _picked(state, event, pick, found) if pick else _passed_over(state, event, found or {})


def _candidate(reader: Reader, state: RoundState) -> dict[str, Any] | None:
    """The scene's row of the round's pool with its rank by score; None where it was not in it."""
    folder, file = f"rounds/{state.round_id}", "pool.parquet"
    if not reader.workspace.storage.exists(f"{folder}/{file}"):
        folder, file = f"derived/select/{state.proposal['stages']['select']}", "candidates.parquet"
    row = reader.row(folder, file, _COLUMNS)
    if row is None or not row["score_valid"]:
        return row
    scores = reader.ordered(folder, file, "score", str(state.proposal["stages"]["select"]))
    n_below, n_up_to = (int(np.searchsorted(scores, row["score"], side)) for side in ("left", "right"))
    return {**row, "rank_by_score": len(scores) - n_up_to + 1, "n_below": n_below, "n_scored": len(scores)}


def _score_text(state: RoundState, found: Mapping[str, Any] | None) -> str:
    proposal = state.proposal
    if not found or "n_scored" not in found:
        return f"model {proposal['model_id']}; no score counted"
    share = share_text(found["n_below"], found["n_scored"])
    return (
        f"{proposal['score']} {found['score']:.3g} by model {proposal['model_id']}, higher than {share} of "
        f"{found['n_scored']:,} candidates (number {found['rank_by_score']:,})"
    )


def _detail(state: RoundState, found: Mapping[str, Any] | None) -> dict[str, Any]:
    stages = state.proposal["stages"]
    named = {name: state.proposal[name] for name in ("model_id", "policy", "score")}
    return {**named, "score_digest": stages["score"], "select_digest": stages["select"], "candidate": dict(found or {})}


def _picked(state: RoundState, event: Event, pick: Mapping[str, Any], found: Mapping[str, Any] | None) -> Moment:
    because = "; ".join(str(reason["text"]) for reason in pick["reasons"]) or "the policy gives no reason"
    text = (
        f"picked in {state.round_id} by `{state.proposal['policy']}` as number {pick['rank']} of "
        f"{len(state.proposal['picks'])}, because: {because}"
    )
    detail = {**_detail(state, found), "rank": pick["rank"], "gain": pick["gain"], "cost": pick["cost"]}
    return Moment.of(event, text, {**detail, "reasons": list(pick["reasons"])}, kind="picked")


def _passed_over(state: RoundState, event: Event, found: Mapping[str, Any]) -> Moment:
    picks = state.proposal["picks"]
    text = f"candidate of {state.round_id}: {_score_text(state, found)}; not picked: {_why_not(state, found)}"
    return Moment.of(event, text, {**_detail(state, found), "n_picks": len(picks)}, kind="candidate")


def _why_not(state: RoundState, found: Mapping[str, Any]) -> str:
    """What the ledger can say without asking the policy again, which `oddloop select --explain` does."""
    proposal = state.proposal
    n, spent, budget = len(proposal["picks"]), proposal["cost"], proposal["budget"]
    others = f"`{proposal['policy']}` took {n:,} others for {spent:,.2f} of {budget:,.2f}"
    if found.get("cost", 0.0) > budget - spent:
        return f"{others}, and it costs {found['cost']:,.2f}"
    if "n_scored" not in found:
        return f"{others}, and it had no score"
    return others
