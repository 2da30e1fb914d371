"""Take labels back: which scenes are labelled now, at what cost, and with which objects."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import typer

from oddloop.cli.labels_send import CvatOption, LabelStudioOption, which_server
from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_author
from oddloop.cli.terminal import out, print_json
from oddloop.errors import TableError
from oddloop.exchange.labelling.sheets import is_boxes_sheet
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.costs import check_costs
from oddloop.rounds.labelling import Taken, pull, receive_file
from oddloop.rounds.labelling.files import read_times
from oddloop.rounds.labels import Receipt, receive_labels
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import RoundState, newest_open


def receive(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="Export of a labelling tool; or Parquet or CSV with scene_id and, where known, cost.",
        ),
    ] = None,
    label_studio: LabelStudioOption = "",
    cvat: CvatOption = "",
    tool: Annotated[str, typer.Option(help="label-studio, cvat, coco or csv; without it, the file says which.")] = "",
    finished: Annotated[
        list[str] | None,
        typer.Option(help="CVAT, COCO, CSV: a scene that is finished, or `all`. These files do not say it themselves."),
    ] = None,
    times: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="CSV with scene_id and time_s: seconds that scenes took, where the tool does not say it, as CVAT.",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take corrections of scenes that have labels.")] = False,
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Record that scenes are labelled; the same file twice changes nothing."""
    opened = Workspace.open(workspace)
    state = open_round(opened)
    server, url = which_server(label_studio, cvat)
    if bool(url) == bool(file):
        raise typer.BadParameter("give a file, or the URL of a server")
    times_s = read_times(times) if times else {}
    if file is None:
        for one in pull(opened, make_author(), tool=server, url=url, replace_known=replace, times_s=times_s):
            show(opened, one, state, as_json=as_json)
        return
    taken: Taken | Receipt
    if _is_export(file, tool):
        taken = receive_file(
            opened, file, make_author(), tool=tool, finished=finished or (), replace_known=replace, times_s=times_s
        )
    else:
        with locked(opened.storage):
            taken = receive_labels(opened, _read(file), state, at_ns=time.time_ns())
    show(opened, taken, state, as_json=as_json)


def open_round(workspace: Workspace) -> RoundState | None:
    """The round that is open, if any."""
    return newest_open(open_ledger(workspace).rounds())


def show(workspace: Workspace, taken: Taken | Receipt, state: RoundState | None, *, as_json: bool) -> None:
    """Print what was taken, and how costs compare."""
    costs = check_costs(workspace, [state]) if state else None
    if as_json:
        print_json({**asdict(taken), "costs": costs.to_json() if costs else None})
        return
    out.print(f"{_sentence(taken)}. Next: `oddloop run --workspace {workspace.storage.url}`")
    if costs and state:
        out.print(f"Costs of {state.round_id}: {costs.sentence}.")


def _sentence(taken: Taken | Receipt) -> str:
    if isinstance(taken, Taken):
        return taken.sentence
    known = f"; {taken.n_known} had labels already" if taken.n_known else ""
    return f"{taken.n_new} scenes are labelled now{known}"


def _is_export(file: Path, tool: str) -> bool:
    """Whether the file is a labelling tool's, and not a table of labelled scenes."""
    suffix = file.suffix.lower()
    if tool or suffix in (".json", ".xml", ".zip"):
        return True
    if suffix != ".csv":
        return False
    with file.open("rb") as stream:
        return is_boxes_sheet(stream.readline().decode("utf-8-sig", "replace"))


def _read(file: Path) -> pa.Table:
    try:
        if file.suffix.lower() == ".csv":
            options = pacsv.ConvertOptions(column_types={"scene_id": pa.string(), "cost": pa.float64()})
            return pacsv.read_csv(file, convert_options=options)
        return pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{file}: not readable as Parquet or CSV: {str(error).splitlines()[0]}") from error
