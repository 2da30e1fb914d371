"""Take the ledger elsewhere: one JSON line per event out, and in again."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.rounds_as_of import AsOfOption, seq_of
from oddloop.cli.terminal import err, out, print_json
from oddloop.errors import LedgerError
from oddloop.lake.lock import locked
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.ledger.lines import parse_lines, to_line

FileArgument = Annotated[Path, typer.Argument(help="File of JSON lines; - is the standard stream.")]


def export(
    file: FileArgument, as_of: AsOfOption = "", workspace: WorkspaceOption = ".", as_json: JsonOption = False
) -> None:
    """Write the whole ledger as JSON lines, one event each; a copy to keep, or to import elsewhere."""
    with closing(open_ledger(Workspace.open(workspace))) as ledger:
        events = ledger.events(as_of=seq_of(ledger, as_of))
    content = "".join(f"{to_line(event)}\n" for event in events)
    if str(file) == "-":
        sys.stdout.buffer.write(content.encode())
        err.print(f"{len(events):,} events")
        return
    # Written aside and renamed, so that a file of an earlier export is replaced whole or not at all.
    Storage.open(file.absolute().parent).write_bytes(file.name, content.encode())
    if as_json:
        print_json({"file": str(file), "n_events": len(events)})
    else:
        out.print(f"{len(events):,} events are in {file}")


def import_(file: FileArgument, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Add the events of an exported ledger, all or none; what is known already adds nothing."""
    content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    opened = Workspace.open(workspace)
    with locked(opened.storage), closing(open_ledger(opened)) as ledger:
        try:
            imported = ledger.take_in(parse_lines(content.splitlines()))
        except LedgerError as error:
            raise LedgerError(f"{file}: nothing was imported: {error}") from error
    if as_json:
        print_json(vars(imported))
    else:
        out.print(f"{imported.n_new:,} events are new; {imported.n_known:,} were there already")
