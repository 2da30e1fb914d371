"""Write a round's report, or before the first round what was counted: one HTML page that opens from disk."""

from __future__ import annotations

from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.report import write_report


def run(
    round_id: Annotated[str, typer.Argument(help="Round, such as r001; default: the newest.")] = "",
    workspace: WorkspaceOption = ".",
    against: Annotated[
        str, typer.Option(help="Workspace of a control arm to compare with, instead of \\[evidence] control.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    opened = Workspace.open(workspace)
    control = Workspace.open(against) if against else None
    with locked(opened.storage):
        report = write_report(opened, round_id, control=control)
    if as_json:
        print_json({"report": report.url, "written": report.written})
    else:
        out.print(f"Report: {report.url}")
