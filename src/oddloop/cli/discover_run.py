"""Run discovery where it is stale, and read what it found: what the `discover` commands share."""

from __future__ import annotations

from typing import Any

from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import Discovery, read_discovery
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run_stages
from oddloop.rounds.state import DISCOVERY


def run_discovery(workspace: Workspace, *, quiet: bool) -> Discovery:
    """Today's clusters with cards, names and questions."""
    with Talk(quiet=quiet) as talk:
        done = run_stages(workspace, make_shell(workspace, talk), until="discover")
    events = open_ledger(workspace).events(DISCOVERY)
    return read_discovery(workspace, events, done["discover"].digest, done["cards"].digest)


def said_of(found: Discovery, cluster_id: str) -> dict[str, Any] | None:
    """What was said of a cluster, as plain content for `--json`."""
    said = found.names.get(cluster_id)
    return None if said is None else {**vars(said), "notes": [vars(note) for note in said.notes]}
