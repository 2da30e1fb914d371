"""Pick scenes under the budget, where the picks are stale; nothing is recorded until `oddloop run`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.select_backtest import backtest
from oddloop.cli.select_explain import explain
from oddloop.cli.select_what_if import compare_picks, read_changes
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, err, print_json, print_table
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.run import run_stages

app = typer.Typer(invoke_without_command=True, help=__doc__)
app.command()(backtest)


@app.callback()
def select(
    context: typer.Context,
    workspace: WorkspaceOption = ".",
    explained: Annotated[
        str, typer.Option("--explain", metavar="SCENE", help="Say why a scene is picked, or why not.")
    ] = "",
    what_if: Annotated[
        list[str] | None,
        typer.Option("--what-if", metavar="SETTING=VALUE", help="Try another budget, policy or score."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Pick scenes."""
    if context.invoked_subcommand:
        return
    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        shell = make_shell(opened, talk)
        changed = replace(opened, config=read_changes(opened.config, what_if or []))
        if explained:  # with other settings, where some are given
            explain(changed, shell, run_stages(changed, shell), explained, as_json=as_json)
            return
        done = run_stages(opened, shell)
        if what_if:
            compare_picks(done["select"], run_stages(changed, shell)["select"], what_if, as_json=as_json)
            return
    _show(done["select"], as_json=as_json)


def _show(derived: Derived, *, as_json: bool) -> None:
    table = derived.storage.read_table("picks.parquet")
    picks, stopped = table.to_pylist(), (table.schema.metadata or {}).get(b"stopped", b"").decode()
    if as_json:
        print_json({"digest": derived.digest, "stopped": stopped, "picks": picks})
        return
    print_table(f"{len(picks)} picks", ("rank", "scene", "cost", "so far", "why"), [_row(pick) for pick in picks])
    err.print(f"Stopped: {stopped}.")


def _row(pick: dict[str, Any]) -> tuple[object, ...]:
    why = "\n".join(reason["text"] for reason in pick["reasons"])
    return pick["rank"], pick["scene_id"], pick["cost"], pick["cumulative_cost"], why
