"""Where a workspace keeps its ledger."""

from __future__ import annotations

import os

from oddloop.errors import WorkspaceError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger.ledger import Ledger
from oddloop.rounds.state import RoundState


def open_ledger(workspace: Workspace) -> Ledger:
    """The workspace's ledger.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named, or the environment lacks its URL.
    """
    return Ledger(ledger_url(workspace, "ledger.db"))


def ledger_url(workspace: Workspace, file: str) -> str:
    """URL of the database that the settings name, or of a file in the workspace.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named, or the environment lacks its URL.
    """
    url = _url_of(workspace)
    if not url and not workspace.storage.is_local:
        raise WorkspaceError(f"{workspace.storage.url}: an object store cannot hold the ledger; set [ledger] url")
    return url or f"sqlite:///{workspace.storage.local_path(file)}"


def _url_of(workspace: Workspace) -> str:
    """The URL that the settings name; "" is the database in the workspace."""
    config = workspace.config.ledger
    if not config.url_env:
        return config.url
    if not os.environ.get(config.url_env):
        raise WorkspaceError(
            f"{workspace.storage.url}: [ledger] url_env: the environment variable {config.url_env} is not set; "
            "set it to the ledger's URL"
        )
    return os.environ[config.url_env]


def read_rounds(workspace: Workspace) -> list[RoundState]:
    """State of every round of a workspace, oldest first; none, and no ledger is made, where there is none yet."""
    storage = workspace.storage
    if not _url_of(workspace) and not (storage.is_local and storage.exists("ledger.db")):
        return []
    ledger = open_ledger(workspace)
    try:
        return ledger.rounds()
    finally:
        ledger.close()
