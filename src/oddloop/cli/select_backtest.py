"""Try policies on the scenes whose errors are known, against random picks at equal cost."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, err, out, print_json, print_table
from oddloop.lake.workspace import Workspace


def backtest(
    policies: Annotated[list[str] | None, typer.Argument(help="Policies; none: all that can run here.")] = None,
    workspace: WorkspaceOption = ".",
    metric: Annotated[str, typer.Option("--metric", help="Metric of the errors; empty: the leading one.")] = "",
    draws: Annotated[int, typer.Option("--draws", min=2, help="Halves of the logs that are tried.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Say what each policy would have found among measured scenes, beside random picks, at equal cost."""
    from oddloop.rounds.backtest import backtest as run_backtest

    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        derived, unable = run_backtest(opened, make_shell(opened, talk), policies or (), metric=metric, n_draws=draws)
    table = derived.storage.read_table("backtest.parquet")
    if as_json:
        print_json({"digest": derived.digest, "rows": table.to_pylist(), "left_out": unable})
        return
    _print(table, dict(derived.manifest["rows"]))
    for name, reason in unable.items():
        err.print(f"{name} is left out: {reason}", highlight=False)


def _print(table: pa.Table, counts: dict[str, int]) -> None:
    rows = table.to_pylist()
    shares = sorted({row["cost_share"] for row in rows})
    by_policy: dict[str, dict[float, dict[str, float]]] = {}
    for row in rows:
        by_policy.setdefault(row["policy"], {})[row["cost_share"]] = row
    order = sorted(by_policy, key=lambda name: -sum(by_policy[name][share]["found"] for share in shares))
    body = [(name, *(_cell(by_policy[name][share], name) for share in shares)) for name in order]
    title = f"Share of all errors found, by share of all costs; {counts['scenes']:,} scenes of {counts['logs']:,} logs"
    print_table(title, ("policy", *(f"{share:.0%}" for share in shares)), body)
    out.print("In brackets: more than random picks, with the 95 % interval over halves of the logs.")


def _cell(row: dict[str, float], name: str) -> str:
    found = f"{row['found']:.0%}"
    if name == "random":
        return found
    return f"{found} ({row['gain']:+.0%}, {row['gain_low']:+.0%} to {row['gain_high']:+.0%})"
