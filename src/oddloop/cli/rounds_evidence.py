"""Say whether a round's picks helped, what the model gained, and whether past forecasts came true."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.evidence.forecast import check_forecasts
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import RoundState


def evidence(
    round_id: Annotated[str, typer.Argument(help="Round, such as r001; the newest that was weighed, if none.")] = "",
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Say whether a round's picks helped, what the model gained, and whether past forecasts came true."""
    ledger = open_ledger(Workspace.open(workspace))
    rounds = ledger.rounds()
    state = _weighed(rounds, round_id)
    forecasts = check_forecasts([one for one in rounds if one.number <= state.number])
    if as_json:
        print_json({"round_id": state.round_id, **state.evidence, "forecasts": forecasts})
        return
    for sentence in state.evidence["sentences"]:
        out.print(f"{state.round_id}: {sentence}")
    segments = state.evidence["segments"]
    rows = [(name, *_cells(row)) for name in ("gained", "lost") for row in segments[name]]
    if rows:
        print_table("Segments that surely changed, for all of them together", _SEGMENTS, rows)
    if forecasts:
        print_table("Forecasts", _FORECASTS, [tuple(one[name] for name in _FORECASTS) for one in forecasts])


_SEGMENTS = ("", "segment_id", "lift", "ci_low", "ci_high", "q_value", "n_logs")
_FORECASTS = ("round_id", "metric", "value", "low", "high", "came", "inside")


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _SEGMENTS[1:])


def _weighed(rounds: list[RoundState], round_id: str) -> RoundState:
    found = [state for state in rounds if state.evidence and round_id in ("", state.round_id)]
    if found:
        return found[-1]
    known = ", ".join(state.round_id for state in rounds if state.evidence) or "none"
    what = f"round {round_id!r} has no evidence" if round_id else "no round has evidence"
    raise LedgerError(f"{what}; weighed: {known}. `oddloop run` weighs a round once its model was measured")
