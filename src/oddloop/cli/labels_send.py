"""Send the open round's picks to a labelling tool, with the model's boxes as pre-labels."""

from __future__ import annotations

from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_author
from oddloop.cli.terminal import out, print_json
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling import Sending, send_files, send_to

LabelStudioOption = Annotated[str, typer.Option("--label-studio", help="URL of a Label Studio server.")]
CvatOption = Annotated[str, typer.Option("--cvat", help="URL of a CVAT server.")]
RoundOption = Annotated[str, typer.Option("--round", help="Round; without it, the open one.")]


def send(
    tool: Annotated[str, typer.Option(help="label-studio, cvat, coco or csv.")] = "label-studio",
    folder: Annotated[
        str, typer.Option("--out", help="Folder for the files; without it, rounds/<round>/<tool> in the workspace.")
    ] = "",
    label_studio: LabelStudioOption = "",
    cvat: CvatOption = "",
    project: Annotated[
        int | None,
        typer.Option(
            help="The server's project; without it, Label Studio's `oddloop <workspace>`, made where missing."
        ),
    ] = None,
    round_id: RoundOption = "",
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Send a round's picks, as files or to a server; the same picks again add nothing."""
    opened, author = Workspace.open(workspace), make_author()
    server, url = which_server(label_studio, cvat)
    if url:
        sending = send_to(opened, server, url, author, project=project, round_id=round_id)
    else:
        sending = send_files(opened, tool, author, folder=folder, round_id=round_id)
    show(sending, as_json=as_json)


def which_server(label_studio: str, cvat: str) -> tuple[str, str]:
    """The tool and its URL; two empty texts where none was given."""
    if label_studio and cvat:
        raise typer.BadParameter("give --label-studio or --cvat, not both")
    return ("label-studio", label_studio) if label_studio else ("cvat", cvat) if cvat else ("", "")


def show(sending: Sending, *, as_json: bool) -> None:
    """Print what was sent."""
    if as_json:
        print_json(sending.to_json())
        return
    what = f"{sending.n_scenes} scenes of {sending.round_id}: {sending.n_units:,} tasks with {sending.n_boxes:,} boxes"
    again = "" if sending.is_new else " (they had been sent there before)"
    out.print(f"{what}, in {sending.place}{again}")
