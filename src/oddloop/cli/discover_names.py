"""What people say of clusters, from the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from oddloop.cli.options import WorkspaceOption
from oddloop.cli.shell import make_author
from oddloop.cli.terminal import out
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import name_cluster, settle_question
from oddloop.rounds.ledger import open_ledger

ClusterArgument = Annotated[str, typer.Argument(help="Cluster, such as c0007.")]
NoteOption = Annotated[str, typer.Option("--note", help="Add a note.")]


def name(
    cluster: ClusterArgument,
    scenario: Annotated[str, typer.Argument(help="Name of the scenario; leave it out to keep the name.")] = "",
    risk: Annotated[str, typer.Option("--risk", help="A level of your scale, or severity, exposure and "
                                      "controllability as S3E4C2.")] = "",
    priority: Annotated[int | None, typer.Option("--priority", help="1 is first, 0 is none.")] = None,
    status: Annotated[str, typer.Option("--status", help="new, confirmed, noise or covered.")] = "",
    note: NoteOption = "",
    takes_from: Annotated[str, typer.Option("--from", help="Take over name, risk and priority of this cluster, which "
                                            "answers what became of it.")] = "",
    workspace: WorkspaceOption = ".",
) -> None:  # fmt: skip
    """Name a cluster, judge its risk and status, or note something."""
    opened = Workspace.open(workspace)
    said = name_cluster(opened, open_ledger(opened), cluster, make_author(), name=scenario, risk=risk,
                        priority=priority, status=status, note=note, takes_from=takes_from)  # fmt: skip
    parts = (f"risk {said.risk}" if said.risk else "", f"priority {said.priority}" if said.priority else "")
    out.print(", ".join(p for p in (f"{said.cluster_id}: {said.name or 'no name'}", said.status, *parts) if p))


def settle(cluster: ClusterArgument, note: NoteOption = "", workspace: WorkspaceOption = ".") -> None:
    """Answer what became of a named cluster with: nothing of today bears its name."""
    settle_question(open_ledger(Workspace.open(workspace)), cluster, make_author(), note=note)
    out.print(f"{cluster}: settled")
