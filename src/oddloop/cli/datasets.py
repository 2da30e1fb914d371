"""Versions of the labelled set: what each model was trained on, and what changed from one to the next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json, print_table, shown
from oddloop.lake.workspace import Workspace
from oddloop.rounds.datasets import DatasetEntry, diff_datasets, find_dataset, list_datasets, read_dataset_manifest

app = typer.Typer(invoke_without_command=True, help=__doc__)
Digest = Annotated[str, typer.Argument(help="Digest of a version, the beginning of one, or its round or model.")]
_COLUMNS = ("dataset", "parent", "round", "model", "scenes", "logs", "added", "corrected", "removed", "recorded")
_MOST = 20
"""Scenes that are listed for people."""


@app.callback()
def list_versions(context: typer.Context, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """List the versions of the labelled set, oldest first."""
    if context.invoked_subcommand:
        return
    entries = list_datasets(Workspace.open(workspace))
    if as_json:
        print_json([entry.to_json() for entry in entries])
    elif entries:
        print_table("Datasets", _COLUMNS, [_row(entry) for entry in entries])
    else:
        out.print("No dataset yet: `oddloop run` records one when a round's labels are in.")


@app.command()
def show(digest: Digest, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Show one version: where it is, what it holds of each segment, and what it cost."""
    opened = Workspace.open(workspace)
    entry = find_dataset(opened, digest)
    manifest = read_dataset_manifest(entry.folder(opened)) or {}
    if as_json:
        print_json({**manifest, **entry.to_json()})
        return
    for name, value in (
        {k: v for k, v in manifest.items() if not isinstance(v, list | dict)} | entry.to_json()
    ).items():
        out.print(f"{name:<14}{shown(value)}")
    segments = manifest.get("segments", [])
    print_table("Segments", ("segment", "scenes", "seconds", "logs"), [list(row.values()) for row in segments])


@app.command()
def diff(before: Digest, after: Digest, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Say which scenes were added, removed or corrected from one version to another."""
    found = diff_datasets(Workspace.open(workspace), before, after)
    told = found.to_json()
    if as_json:
        print_json(told)
        return
    counts = ", ".join(f"{told[f'n_{kind}']:,} {kind}" for kind in ("added", "corrected", "removed"))
    out.print(f"{found.before} → {found.after}: {counts}.")
    rows = [(change["change"], change["scene_id"]) for change in told["changes"][:_MOST]]
    more = len(told["changes"]) - len(rows)
    print_table("Scenes", ("change", "scene"), rows)
    if more > 0:
        out.print(f"and {more:,} more; --json lists all.")
    if told["segments"]:
        columns = ("segment", "scenes before", "after", "seconds before", "after")
        print_table("Segments", columns, [list(row.values()) for row in told["segments"]])


def _row(entry: DatasetEntry) -> list[object]:
    counts = [entry.payload[name] for name in ("n_scenes", "n_logs", "n_added", "n_corrected", "n_removed")]
    at = datetime.fromtimestamp(entry.at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
    parent = entry.parent[:8] if entry.parent else None
    return [entry.digest[:8], parent, entry.round_id, entry.model_id or None, *counts, at]
