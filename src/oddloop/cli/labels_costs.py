"""Compare what labels really cost with what was predicted, and print prices that would fit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.config import CostConfig
from oddloop.lake.workspace import Workspace
from oddloop.rounds.costs import check_costs, check_prices, refitted
from oddloop.rounds.ledger import open_ledger
from oddloop.select import CostCheck

_PRICES = ("per_scene", "per_frame", "per_object")


def costs(
    refit: Annotated[
        bool, typer.Option("--refit", help="Print \\[cost] with the prices that fit; nothing is set.")
    ] = False,
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Say how far predicted and real labelling costs are apart, round by round."""
    opened = Workspace.open(workspace)
    rounds = [state for state in open_ledger(opened).rounds() if state.picks]
    now = check_prices(opened, rounds)
    if refit:
        _print_refit(opened.config.cost, now, as_json=as_json)
        return
    by_round = {state.round_id: check_costs(opened, [state]) for state in rounds}
    if as_json:
        told = {name: check.to_json() if check else None for name, check in by_round.items()}
        print_json({"rounds": told, "prices": now.to_json() if now else None})
        return
    columns = ("round", "scenes", "predicted", "real", "ratio", "low", "high", "scene off by")
    rows = [(name, *_numbers(check)) for name, check in by_round.items() if check]
    print_table(f"Costs, in {opened.config.cost.unit}", columns, rows)
    if now:
        out.print(f"With the prices in [cost] as they are: {now.sentence}.")


def _numbers(check: CostCheck) -> list[float | int | None]:
    values = (check.n_scenes, check.predicted, check.real, check.ratio, check.low, check.high, check.error)
    return [None if value != value else value for value in values]  # NaN is not known


def _print_refit(config: CostConfig, check: CostCheck | None, *, as_json: bool) -> None:
    fitted = refitted(config, check)
    if as_json:
        print_json({"cost": asdict(fitted), "changed": fitted != config, "check": check.to_json() if check else None})
        return
    if check is None or fitted == config:
        out.print(f"# The prices stay: {check.sentence if check else 'no round is labelled yet'}.")
    intervals = (
        {price.name: f"; 95 % interval [{price.low:.4g}, {price.high:.4g}]" for price in check.prices} if check else {}
    )
    out.print("[cost]")
    for name in _PRICES:
        value, before = getattr(fitted, name), getattr(config, name)
        why = f"  # was {before:g}{intervals.get(name, '; cannot be told from the others')}" if value != before else ""
        out.print(f"{name} = {value:.6g}{why}")
