"""Look for everything that is wrong in the workspace's tables, and report all of it at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.errors import Fault
from oddloop.lake.checks.cures import TOLERATED
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace


def run(
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
    leakage: Annotated[
        bool, typer.Option("--leakage", help="Ask only whether labelled scenes are too close to held-out ones.")
    ] = False,
) -> None:
    opened = Workspace.open(workspace)
    if leakage:
        _check_leakage(opened, as_json=as_json)
        return
    with Talk(quiet=as_json) as talk:
        faults = find_faults(opened, on_table=lambda name: talk.progress(f"check {name}", 0, 0))
    if as_json:
        print_json([asdict(fault) | {"tolerated": fault.code in TOLERATED} for fault in faults])
    else:
        _print(faults, opened.storage.url)
    if any(fault.code not in TOLERATED for fault in faults):
        raise typer.Exit(1)


def _check_leakage(workspace: Workspace, *, as_json: bool) -> None:
    from oddloop.rounds.leakage import check_leakage, describe_leak

    rules = workspace.config.leakage
    leaks = check_leakage(workspace)
    refused = [leak for leak in leaks if getattr(rules, leak.rule) == "refuse"]
    if as_json:
        print_json([leak.to_json() | {"says": getattr(rules, leak.rule)} for leak in leaks])
    else:
        out.print("No labelled scene is too close to a held-out one." if not leaks else "Too close to held-out scenes:")
        for leak in leaks:
            out.print(f"  {describe_leak(leak, rules)} [{getattr(rules, leak.rule)}]", markup=False)
    if refused:
        raise typer.Exit(1)


def _print(faults: list[Fault], place: str) -> None:
    grave = [fault for fault in faults if fault.code not in TOLERATED]
    noted = [fault for fault in faults if fault.code in TOLERATED]
    count = f"{len(grave)} fault{'s' if len(grave) != 1 else ''}" if grave else "No faults"
    out.print(f"{count} in {place}{':' if grave else '.'}", markup=False)
    for fault in grave:
        out.print(f"  {fault}", markup=False)
    if noted:
        out.print(f"{len(noted)} to know of; every stage works all the same:", markup=False)
    for fault in noted:
        out.print(f"  {fault}", markup=False)
