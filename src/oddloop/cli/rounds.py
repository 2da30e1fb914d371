"""List the rounds, or show one: what was picked, from which pool, with which model, score, policy source and seed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import pyarrow as pa
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.rounds_as_of import AsOfOption, seq_of
from oddloop.cli.rounds_evidence import evidence
from oddloop.cli.rounds_foxglove import foxglove
from oddloop.cli.rounds_log import log
from oddloop.cli.rounds_promote import promote
from oddloop.cli.rounds_push import push
from oddloop.cli.rounds_trace import trace
from oddloop.cli.rounds_transfer import export, import_
from oddloop.cli.terminal import out, print_json, print_table, shown
from oddloop.lake.workspace import Workspace
from oddloop.rounds.costs import check_costs, read_paid
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import RoundState
from oddloop.rounds.stopping import last_stop

app = typer.Typer(invoke_without_command=True, help=__doc__)
app.command()(log)
app.command()(trace)
app.command()(evidence)
app.command()(export)
app.command("import")(import_)
app.command()(foxglove)
app.command()(push)
app.command()(promote)


@app.callback()
def list_rounds(
    context: typer.Context, as_of: AsOfOption = "", workspace: WorkspaceOption = ".", as_json: JsonOption = False
) -> None:
    """List the rounds, as they are or as they were; costs are as they are now."""
    if context.invoked_subcommand:
        return
    opened = Workspace.open(workspace)
    ledger = open_ledger(opened)
    seq = seq_of(ledger, as_of)
    states, stop = ledger.rounds(as_of=seq), last_stop(ledger, as_of=seq)
    if as_json:
        paid = read_paid(opened)
        checked = [{"costs": _costs(opened, state, paid), "stopped": _stopped_after(state, stop)} for state in states]
        print_json([_summary(s) | _trace(s) | more for s, more in zip(states, checked, strict=True)])
        return
    print_table("Rounds", _SUMMARY, [list(_summary(state).values()) for state in states])
    if costs := check_costs(opened, states):
        out.print(f"Costs: {costs.sentence}.")
    if stop:
        out.print(f"No round after {stop['after'] or 'the start'}: {'; '.join(stop['reasons'])}.")


@app.command()
def show(
    round_id: Annotated[str, typer.Argument(help="Round, such as r001.")],
    as_of: AsOfOption = "",
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Show one round with every pick and its reasons, as it is or as it was; costs are as they are now."""
    opened = Workspace.open(workspace)
    ledger = open_ledger(opened)
    seq = seq_of(ledger, as_of)
    state = ledger.round(round_id, as_of=seq)
    if as_json:
        events = [asdict(event) for event in ledger.events(round_id, as_of=seq)]
        told = [{k: v for k, v in event.items() if k != "payload"} for event in events]
        print_json({**asdict(state), "events": told, "costs": _costs(opened, state)})
        return
    _print_round(state)
    if costs := check_costs(opened, [state]):
        out.print(f"Costs: {costs.sentence}.")


_SUMMARY = ("round_id", "status", "model_id", "policy", "seed", "n_candidates", "picks", "cost", "budget", "pool")


def _summary(state: RoundState) -> dict[str, Any]:
    proposal = state.proposal
    pool = proposal.get("pool", {})
    values = (
        state.round_id,
        state.status,
        state.training.get("model_id") or proposal.get("model_id"),
        proposal.get("policy"),
        proposal.get("seed"),
        pool.get("n_candidates"),
        len(state.picks),
        state.cost if proposal else None,
        proposal.get("budget"),
        str(pool.get("digest", ""))[:8] or None,
    )
    return dict(zip(_SUMMARY, values, strict=True))


def _stopped_after(state: RoundState, stop: dict[str, Any] | None) -> list[str] | None:
    """Why no round followed this one, a sentence per rule; None where nothing stopped the loop there."""
    return list(stop["reasons"]) if stop and stop["after"] == state.round_id else None


def _costs(workspace: Workspace, state: RoundState, paid: pa.Table | None = None) -> dict[str, Any] | None:
    """Predicted against real cost of the round's labelled picks; None where there are none."""
    found = check_costs(workspace, [state], paid)
    return found.to_json() if found else None


def _trace(state: RoundState) -> dict[str, Any]:
    """What a script needs to trace the picks of a round, in full."""
    proposal = state.proposal
    named = {name: proposal.get(name) for name in ("score", "policy_source", "stages")}
    return {**named, "pool": proposal.get("pool"), "scene_ids": state.pick_ids}


def _print_round(state: RoundState) -> None:
    for name, value in _summary(state).items():
        out.print(f"{name:<14}{shown(value)}")
    rows = [
        (pick["rank"], pick["scene_id"], pick["log_id"], pick["cost"], "\n".join(r["text"] for r in pick["reasons"]))
        for pick in state.picks
    ]
    print_table("Picks", ("rank", "scene", "log", "cost", "why"), rows)
