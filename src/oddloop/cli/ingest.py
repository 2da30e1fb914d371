"""Bring driving logs and model outputs into the workspace's lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pyarrow.csv as pc_csv
import typer
from rich.markup import escape

from oddloop.cli.options import JsonOption, SourceArgument, WorkspaceOption
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.exchange.generic import ingest_tables
from oddloop.exchange.sources import SOURCES, Shipped, ingest_source, make_source
from oddloop.exchange.summary import IngestSummary
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace

app = typer.Typer(no_args_is_help=True, help=__doc__)
REFUSED_FILE = "refused.csv"
"""In the workspace: rows of the last ingest that were left out, with their reasons."""


@app.command()
def tables(folder: SourceArgument, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    r"""Parquet or CSV files that already have the columns; \[columns.<table>] of oddloop.toml renames them."""
    opened = Workspace.open(workspace)
    with locked(opened.storage):
        summary = ingest_tables(folder, opened)
        _keep_refused(summary, opened)
    _print(summary, as_json)
    _say_refused(summary, opened, as_json)


ScenesOption = Annotated[float, typer.Option("--scene-s", help="Wanted length of a scene in s.")]
LimitOption = Annotated[int | None, typer.Option(help="Take this many scenes, for a first try.")]
LabelledOption = Annotated[str, typer.Option(help="Logs or splits that count as labelled, such as train or 0000,0001.")]
SkipOption = Annotated[bool, typer.Option("--skip-faulty", help="Leave out what is faulty, with its reasons.")]


@app.command()
def source(
    path: Annotated[str, typer.Argument(help='Your own source: "package.module:Class".')],
    folder: SourceArgument,
    workspace: WorkspaceOption = ".",
    scene_s: ScenesOption = 20.0,
    limit: LimitOption = None,
    labelled: LabelledOption = "",
    skip_faulty: SkipOption = False,
    as_json: JsonOption = False,
) -> None:
    """A source of your own, by import path; see docs/how-to/write-a-source.md."""
    _ingest(path, folder, workspace, scene_s, limit, labelled, skip_faulty, as_json)


def _add_shipped(name: str, shipped: Shipped) -> None:
    def run(
        folder: SourceArgument,
        workspace: WorkspaceOption = ".",
        scene_s: ScenesOption = shipped.scene_s,
        limit: LimitOption = None,
        labelled: LabelledOption = "",
        skip_faulty: SkipOption = False,
        as_json: JsonOption = False,
    ) -> None:
        _ingest(name, folder, workspace, scene_s, limit, labelled, skip_faulty, as_json)

    app.command(name, help=escape(shipped.help))(run)


for _name, _shipped in SOURCES.items():
    _add_shipped(_name, _shipped)


def _ingest(
    name: str,
    folder: Path,
    workspace: str,
    scene_s: float,
    limit: int | None,
    labelled: str,
    skip_faulty: bool,
    as_json: bool,
) -> None:
    opened = Workspace.open(workspace)
    names = [one.strip() for one in labelled.split(",") if one.strip()]
    made = make_source(name, folder, scene_s)
    with locked(opened.storage), Talk(quiet=as_json) as talk:
        summary = ingest_source(
            made,
            folder,
            opened,
            limit=limit,
            labelled=names,
            skip_faulty=skip_faulty,
            settings=[scene_s],
            progress=talk.progress,
        )
        _keep_refused(summary, opened)
    _print(summary, as_json)
    _say_refused(summary, opened, as_json)


def _keep_refused(summary: IngestSummary, opened: Workspace) -> None:
    if summary.n_refused:
        pc_csv.write_csv(summary.refused, opened.storage.local_path(REFUSED_FILE))


def _say_refused(summary: IngestSummary, opened: Workspace, as_json: bool) -> None:
    if summary.n_refused and not as_json:
        out.print(f"Everything that was left out, with its reason: {opened.storage.path(REFUSED_FILE)}", markup=False)


def _print(summary: IngestSummary, as_json: bool) -> None:
    if as_json:
        refused = {"n_refused": summary.n_refused, "reasons": summary.reasons(), "derived": dict(summary.derived)}
        print_json({"source": summary.source, "rows": dict(summary.rows), "counts": dict(summary.counts), **refused})
    else:
        out.print(str(summary), markup=False)
