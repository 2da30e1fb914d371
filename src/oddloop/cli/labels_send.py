"""Send the open round's picks to a labelling tool, with the model's boxes as pre-labels."""

from __future__ import annotations

from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_author
from oddloop.cli.terminal import out, print_json
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling import Sending, send_files

RoundOption = Annotated[str, typer.Option("--round", help="Round; without it, the open one.")]


def send(
    tool: Annotated[str, typer.Option(help="label-studio, cvat, coco or csv.")] = "label-studio",
    folder: Annotated[
        str, typer.Option("--out", help="Folder for the files; without it, rounds/<round>/<tool> in the workspace.")
    ] = "",
    round_id: RoundOption = "",
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Send a round's picks; the same picks again add nothing."""
    sending = send_files(Workspace.open(workspace), tool, make_author(), folder=folder, round_id=round_id)
    show(sending, as_json=as_json)


def show(sending: Sending, *, as_json: bool) -> None:
    """Print what was sent."""
    if as_json:
        print_json(sending.to_json())
        return
    what = f"{sending.n_scenes} scenes of {sending.round_id}: {sending.n_units:,} tasks with {sending.n_boxes:,} boxes"
    again = "" if sending.is_new else " (they had been sent there before)"
    out.print(f"{what}, in {sending.place}{again}")
