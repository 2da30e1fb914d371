"""Take labels back: record which scenes of the open round are labelled now, and at what cost."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json
from oddloop.errors import TableError
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.costs import check_costs
from oddloop.rounds.labels import receive_labels
from oddloop.rounds.ledger import open_ledger

app = typer.Typer(no_args_is_help=True, help=__doc__)


@app.callback()
def labels() -> None:
    """Take labels back from whoever made them."""


@app.command()
def receive(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV with scene_id and, where known, cost.", exists=True)],
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Record that scenes are labelled; the same file twice changes nothing."""
    opened = Workspace.open(workspace)
    with locked(opened.storage):
        rounds = open_ledger(opened).rounds()
        state = next((s for s in reversed(rounds) if s.is_open), None)
        receipt = receive_labels(opened, _read(file), state, at_ns=time.time_ns())
    costs = check_costs(opened, [state]) if state else None
    if as_json:
        print_json({**asdict(receipt), "costs": costs.to_json() if costs else None})
    else:
        known = f"; {receipt.n_known} had labels already" if receipt.n_known else ""
        out.print(f"{receipt.n_new} scenes are labelled now{known}. Next: `oddloop run --workspace {workspace}`")
        if costs and state:
            out.print(f"Costs of {state.round_id}: {costs.sentence}.")


def _read(file: Path) -> pa.Table:
    try:
        if file.suffix.lower() == ".csv":
            options = pacsv.ConvertOptions(column_types={"scene_id": pa.string(), "cost": pa.float64()})
            return pacsv.read_csv(file, convert_options=options)
        return pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise TableError(f"{file}: not readable as Parquet or CSV: {str(error).splitlines()[0]}") from error
