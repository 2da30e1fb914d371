"""Named scenarios as files, for those who label and those who test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.discover_run import look_up
from oddloop.cli.options import WorkspaceOption
from oddloop.cli.terminal import out
from oddloop.exchange.scenario_files import catalogue_yaml, label_policy_markdown
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import describe_scenarios
from oddloop.tables import SCENES


def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write `label-policy.md` and `scenarios.yaml` to.")],
    scenario: Annotated[str, typer.Option("--scenario", help="Only this scenario.")] = "",
    workspace: WorkspaceOption = ".",
) -> None:
    """Write the named scenarios: what to label, and a catalogue of test scenarios."""
    opened = Workspace.open(workspace)
    entries = describe_scenarios(look_up(opened), read_table(opened.table("scenes"), SCENES), scenario)
    storage = Storage.open(folder)
    for name, text in (
        ("label-policy.md", label_policy_markdown(entries)),
        ("scenarios.yaml", catalogue_yaml(entries)),
    ):
        storage.write_bytes(name, text.encode())
        out.print(f"{folder / name}: {len(entries)} scenarios")
