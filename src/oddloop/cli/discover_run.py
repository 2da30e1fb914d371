"""Run discovery where it is stale, and read what it found: what the `discover` commands share."""

from __future__ import annotations

from typing import Any

from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import Discovery, Lookup, read_discovery
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run_stages
from oddloop.rounds.state import DISCOVERY


def run_discovery(workspace: Workspace, *, quiet: bool, refit: bool = False) -> Discovery:
    """Today's clusters with cards, names and questions."""
    return _read(workspace, _run(workspace, quiet=quiet, refit=refit))


def look_up(workspace: Workspace) -> Lookup:
    """Where scenes are looked up, after running discovery where it is stale."""
    done = _run(workspace, quiet=True)
    values = done["coverage"].storage.read_table("scene_values.parquet")
    scores = done["score"].storage.read_table("scene_scores.parquet")
    return Lookup(workspace, _read(workspace, done), done["discover"], values, scores)


def _run(workspace: Workspace, *, quiet: bool, refit: bool = False) -> dict[str, Derived]:
    with Talk(quiet=quiet) as talk:
        return run_stages(workspace, make_shell(workspace, talk), until="discover", refit=refit)


def _read(workspace: Workspace, done: dict[str, Derived]) -> Discovery:
    events = open_ledger(workspace).events(DISCOVERY)
    return read_discovery(workspace, events, done["discover"].digest, done["cards"].digest)


def said_of(found: Discovery, cluster_id: str) -> dict[str, Any] | None:
    """What was said of a cluster, as plain content for `--json`."""
    said = found.names.get(cluster_id)
    return None if said is None else {**vars(said), "notes": [vars(note) for note in said.notes]}
