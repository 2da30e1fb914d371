"""Where a workspace keeps its ledger."""

from __future__ import annotations

from oddloop.errors import WorkspaceError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger.ledger import Ledger


def open_ledger(workspace: Workspace) -> Ledger:
    """The workspace's ledger.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named.
    """
    url = workspace.config.ledger.url
    if not url and not workspace.storage.is_local:
        raise WorkspaceError(f"{workspace.storage.url}: an object store cannot hold the ledger; set [ledger] url")
    return Ledger(url or f"sqlite:///{workspace.storage.local_path('ledger.db')}")
