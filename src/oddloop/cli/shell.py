"""What the command line gives to a run: the user's name, the clock, the engine, and the terminal."""

from __future__ import annotations

import getpass
import sys
import time

from oddloop.cli.terminal import Talk
from oddloop.engine import open_engine
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Author
from oddloop.rounds.shell import Shell


def user_name() -> str:
    """Name of the user for the ledger."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry for this user id, as in a bare container
        return "unknown"


def make_author(name: str = "") -> Author:
    """Who acts at the command line, now: the user where no name is given."""
    return Author(name.strip() or user_name(), time.time_ns())


def add_own_code(workspace: Workspace) -> None:
    """Let a policy of the team's own stand in the workspace's folder."""
    folder = str(workspace.storage.local_path()) if workspace.storage.is_local else ""
    if folder and folder not in sys.path:
        sys.path.append(folder)


def make_shell(workspace: Workspace, talk: Talk) -> Shell:
    """The shell of a run on the engine that is named; a team's own policy may stand in the workspace's folder."""
    add_own_code(workspace)
    engine = open_engine(workspace.config.engine)
    return Shell(user_name(), engine, progress=talk.progress, on_step=talk.step, warn=talk.warn)
