"""Where a workspace keeps its ledger."""

from __future__ import annotations

from oddloop.errors import WorkspaceError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger.ledger import Ledger
from oddloop.rounds.state import RoundState


def open_ledger(workspace: Workspace) -> Ledger:
    """The workspace's ledger.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named.
    """
    url = workspace.config.ledger.url
    if not url and not workspace.storage.is_local:
        raise WorkspaceError(f"{workspace.storage.url}: an object store cannot hold the ledger; set [ledger] url")
    return Ledger(url or f"sqlite:///{workspace.storage.local_path('ledger.db')}")


def read_rounds(workspace: Workspace) -> list[RoundState]:
    """State of every round of a workspace, oldest first; none, and no ledger is made, where there is none yet."""
    storage = workspace.storage
    if not workspace.config.ledger.url and not (storage.is_local and storage.exists("ledger.db")):
        return []
    ledger = open_ledger(workspace)
    try:
        return ledger.rounds()
    finally:
        ledger.close()
