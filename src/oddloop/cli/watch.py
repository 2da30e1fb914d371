"""Score new data as it lands: one line per batch, until Ctrl-C; safe to kill and to start again at any time."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import Talk, err, out
from oddloop.lake.workspace import CONFIG_FILE, Workspace

_UNTIL = ("score", "coverage", "discover", "select")


def run(
    place: Annotated[
        str,
        typer.Argument(
            help="A workspace, whose lake is watched; or a folder or URL where files are delivered in the lake's form "
            "(`scenes/*.parquet`, `predictions/<task>/<model>/*.parquet`, ...), which are then moved into --workspace."
        ),
    ] = "",
    workspace: WorkspaceOption = ".",
    every_s: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 10.0,
    until: Annotated[str, typer.Option(help="Last stage to run: score, coverage, discover or select.")] = "score",
    notify: Annotated[
        str,
        typer.Option(help="File or URL that is written to whenever something is new; then only that is looked at."),
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Look once, and end: 1 where that failed.")] = False,
    as_json: JsonOption = False,
) -> None:
    from oddloop.cli.shell import make_shell
    from oddloop.rounds.watch import Batch, Watch

    if until not in _UNTIL:
        raise typer.BadParameter(f"{until!r} is none of {', '.join(_UNTIL)}", param_hint="--until")
    url, landing = _parted(place, workspace)
    Workspace.open(url)  # what is no workspace is told at once, and not tried again
    talk = Talk(quiet=True)
    watch = Watch(url, lambda opened: make_shell(opened, talk), until, landing, notify, every_s)
    if once:
        watch.settled_s = 0.0

    def tell(batch: Batch) -> None:
        if as_json:
            _print_line(batch.to_json())
        else:
            at = datetime.fromtimestamp(batch.at_ns / 1e9, UTC)
            out.print(f"{at:%Y-%m-%d %H:%M:%S}Z  {batch.to_line()}")

    if once:
        batch = watch.look()
        assert batch is not None  # noqa: S101  the first look always tells
        tell(batch)
        sys.exit(1 if batch.error or batch.landed.refused else 0)
    err.print(f"Watching {landing or url}, every {every_s:g} s, until Ctrl-C.")
    try:
        watch.run(tell, time.sleep)
    except KeyboardInterrupt:
        err.print("Ended.")


def _parted(place: str, workspace: str) -> tuple[str, str]:
    """Workspace and landing folder of what was named."""
    from oddloop.lake.storage import Storage

    if not place:
        return workspace, ""
    return (place, "") if Storage.open(place).exists(CONFIG_FILE) else (workspace, place)


def _print_line(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
