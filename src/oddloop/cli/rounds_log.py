"""Show the ledger: every event, in the order in which they were recorded."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.rounds_as_of import AsOfOption, seq_of
from oddloop.cli.terminal import print_json, print_table, shown
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.state import BESIDE_ROUNDS, Event

_COLUMNS = ("seq", "at (UTC)", "round", "event", "by", "version", "what")
_TELLING = ("scene_id", "decision", "reason", "tool", "model_id", "digest", "n_scenes", "cost", "error")
"""Fields of a payload that say in a line what happened."""
_WIDTH = 60


def log(
    round_id: Annotated[str, typer.Argument(help="Only this round, such as r001; all where left out.")] = "",
    since: Annotated[int, typer.Option("--since", min=0, help="Only events after the one of this number.")] = 0,
    as_of: AsOfOption = "",
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Show the ledger: every event, in the order in which they were recorded."""
    with closing(open_ledger(Workspace.open(workspace))) as ledger:
        events = ledger.events(round_id or None, since=since, as_of=seq_of(ledger, as_of))
        if round_id and not events:
            _check_there(ledger, round_id)
    if as_json:
        print_json([asdict(event) for event in events])
        return
    print_table(f"Events: {len(events):,}", _COLUMNS, [_row(event) for event in events])


def _check_there(ledger: Ledger, round_id: str) -> None:
    """Refuse a round that is not there; one may be without events since some number, or as of one."""
    if round_id not in BESIDE_ROUNDS:
        ledger.round(round_id)


def _row(event: Event) -> tuple[object, ...]:
    at = datetime.fromtimestamp(event.at_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return event.seq, at, event.round_id, event.kind, event.author, event.tool_version, _what(event.payload)


def _what(payload: Any) -> str:
    told = [f"{len(payload['picks'])} picks"] if "picks" in payload else []
    told += [f"{name} {_short(payload[name])}" for name in _TELLING if payload.get(name) not in (None, "")]
    return ", ".join(told)


def _short(value: object) -> str:
    text = " ".join(shown(value).split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
