"""Bring driving logs and model outputs into the workspace's lake."""

from __future__ import annotations

from typing import Annotated

import pyarrow.csv as pc_csv
import typer

from oddloop.cli.options import JsonOption, SourceArgument, WorkspaceOption
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.exchange.generic import ingest_tables
from oddloop.exchange.kitti import ingest_kitti
from oddloop.exchange.summary import IngestSummary
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help=__doc__)
REFUSED_FILE = "refused.csv"
"""In the workspace: rows of the last ingest that were left out, with their reasons."""


@app.command()
def kitti(
    folder: SourceArgument,
    workspace: WorkspaceOption = ".",
    scene_s: Annotated[float, typer.Option(help="Length of a scene in s; the tail becomes a shorter one.")] = 10.0,
    labelled: Annotated[str, typer.Option(help="Sequences that count as labelled, such as 0000,0001.")] = "",
    as_json: JsonOption = False,
) -> None:
    """KITTI tracking: label_02 and detection text files, or kitti_tracking.tar.gz."""
    opened = Workspace.open(workspace)
    sequences = [name.strip() for name in labelled.split(",") if name.strip()]
    with locked(opened.storage), Talk(quiet=as_json) as talk:
        summary = ingest_kitti(folder, opened, scene_s=scene_s, labelled=sequences, progress=talk.progress)
    _print(summary, as_json)


@app.command()
def tables(folder: SourceArgument, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Parquet or CSV files that already have the columns; [columns.<table>] of oddloop.toml renames them."""
    opened = Workspace.open(workspace)
    with locked(opened.storage):
        summary = ingest_tables(folder, opened)
        if summary.n_refused:
            pc_csv.write_csv(summary.refused, opened.storage.local_path(REFUSED_FILE))
    _print(summary, as_json)
    if summary.n_refused and not as_json:
        out.print(f"Each row that was left out, with its reason: {opened.storage.path(REFUSED_FILE)}", markup=False)


def _print(summary: IngestSummary, as_json: bool) -> None:
    if as_json:
        refused = {"n_refused": summary.n_refused, "reasons": summary.reasons()}
        print_json({"source": summary.source, "rows": dict(summary.rows), "counts": dict(summary.counts), **refused})
    else:
        out.print(str(summary), markup=False)
