"""Ask labelling servers what is finished: once, now and then, or whenever they call."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_author
from oddloop.cli.terminal import err, out, print_json
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling import Taken, pull
from oddloop.rounds.labelling.listen import LOOPBACK, Listener

EveryOption = Annotated[float, typer.Option("--every", min=1.0, help="Seconds between two times of asking.")]


def poll(
    times: Annotated[int, typer.Option(min=1, help="How often to ask; it ends earlier once nothing is open.")] = 1,
    every_s: EveryOption = 60.0,
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Ask the servers that the open round was sent to what is finished, and take it."""
    opened = Workspace.open(workspace)
    for left in range(times - 1, -1, -1):
        taken = pull(opened, make_author())
        if not left or not any(t.n_open for t in taken):
            break
        _say(taken)
        time.sleep(every_s)
    if as_json:
        print_json([t.to_json() for t in taken])
        return
    for one in taken:
        out.print(f"{one.tool}: {one.sentence}")


def listen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")] = 8766,
    host: Annotated[str, typer.Option(help="Address to listen on; put a proxy with TLS before any other.")] = LOOPBACK,
    every_s: EveryOption = 300.0,
    workspace: WorkspaceOption = ".",
) -> None:
    """Take webhook calls of Label Studio and CVAT, and ask them what is finished; ends with Ctrl-C."""
    opened = Workspace.open(workspace)
    secret = os.environ.get(opened.config.labelling.secret_env, "")
    listener = Listener(
        secret, lambda: _say(pull(opened, make_author())), err.print, host=host, port=port, every_s=every_s
    )
    err.print(f"Listening for webhooks on http://{host}:{listener.port}")
    try:
        listener.serve()
    except KeyboardInterrupt:
        err.print("Ended.")


def _say(taken: list[Taken]) -> None:
    for one in taken:
        err.print(f"{one.tool}: {one.sentence}")
