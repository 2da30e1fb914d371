"""The whole life of a scene: seen, scored, picked because, reviewed, sent, labelled, learned from, and what changed."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import err, out, print_json
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.review import at_text
from oddloop.rounds.trace import Moment, trace_scene


def trace(
    scene_id: Annotated[str, typer.Argument(metavar="SCENE", help="Scene.")],
    every: Annotated[
        bool, typer.Option("--all", help="Tell what changed in every metric, not only the main one.")
    ] = False,
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Tell the whole life of a scene, in order, with times and authors."""
    opened = Workspace.open(workspace)
    with contextlib.closing(open_ledger(opened)) as ledger:
        found = trace_scene(opened, ledger, scene_id)
    if as_json:
        print_json(found.to_json())
        return
    out.print(f"{scene_id}: {found.summary}.")
    main = "" if every else opened.config.coverage.metric
    told = [moment for moment in found.moments if not main or moment.detail.get("metric", main) == main]
    for moment in told:
        out.print(_line(moment))
    if left_out := len(found.moments) - len(told):
        out.print(f"What changed in metrics other than {main}: {left_out} lines with --all")
    for what in found.missing:
        err.print(f"Gone, so it could not be asked: {what}")


def _line(moment: Moment) -> str:
    at = "-" if moment.at_ns is None else at_text(moment.at_ns)
    return f"{at:<27} {moment.author or '-':<12} {moment.text}"
