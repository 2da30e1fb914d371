"""Push to the experiment tracker what the ledger has and the tracker has not."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.errors import TrackerError, WorkspaceError
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.tracking import push as push_pending


def push(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Push to the experiment tracker what the ledger has and the tracker has not; `oddloop run` does it by itself."""
    opened = Workspace.open(workspace)
    if not opened.config.tracker.kind:
        raise WorkspaceError(f'{opened.storage.url}: no tracker to push to; set kind = "mlflow" in [tracker]')
    with Talk(quiet=as_json) as talk, locked(opened.storage), contextlib.closing(open_ledger(opened)) as ledger:
        stamp = make_shell(opened, talk).stamp
        with contextlib.redirect_stdout(sys.stderr):  # what a tracker of the team's own prints is talk
            pushed = push_pending(opened, ledger, stamp, everything=True)
    if as_json:
        print_json(asdict(pushed))
    else:
        what = ", ".join(str(job["what"]) for job in pushed.done)
        out.print(f"Pushed {what}." if what else "Nothing was pushed: the tracker has all, or took nothing.")
    if pushed.error:
        raise TrackerError(f"the tracker did not take {', '.join(pushed.waiting)}: {pushed.error}")
