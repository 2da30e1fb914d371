"""Write a round's picks as events of Foxglove, to be found and watched where drives are replayed."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json
from oddloop.exchange.players import foxglove_events
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.tables import SCENES


def foxglove(
    round_id: Annotated[str, typer.Argument(help="The round, such as r001.")],
    file: Annotated[Path, typer.Argument(help="File to write, such as events.json.")],
    device: Annotated[str, typer.Option("--device", help="Device of all events; default: each scene's vehicle or log.")]
    = "",
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Write a round's picks as events of Foxglove, to be found and watched where drives are replayed."""
    opened = Workspace.open(workspace)
    with closing(open_ledger(opened)) as ledger:
        state = ledger.round(round_id)
    events = foxglove_events(state.picks, read_table(opened.table("scenes"), SCENES), round_id, device)
    content = json.dumps(events, indent=1, ensure_ascii=False)
    Storage.open(file.absolute().parent).write_bytes(file.name, f"{content}\n".encode())
    if as_json:
        print_json({"file": str(file), "n_events": len(events)})
    else:
        out.print(f"{len(events):,} events are in {file}")
