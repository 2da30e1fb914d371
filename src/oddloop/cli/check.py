"""Look for everything that is wrong in the workspace's tables, and report all of it at once."""

from __future__ import annotations

from dataclasses import asdict

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        faults = find_faults(opened, on_table=lambda name: talk.progress(f"check {name}", 0, 0))
    if as_json:
        print_json([asdict(fault) for fault in faults])
    elif faults:
        out.print(f"{len(faults)} faults in {opened.storage.url}:", markup=False)
        for fault in faults:
            out.print(f"  {fault}", markup=False)
    else:
        out.print(f"No faults in {opened.storage.url}.")
    if faults:
        raise typer.Exit(1)
