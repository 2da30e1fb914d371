"""Run the stages up to one of them: what the single-stage commands share."""

from __future__ import annotations

from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.run import run_stages


def run_until(stage: str, url: str, *, quiet: bool) -> Derived:
    """The stage's derived folder, after running it and those that it needs where they are stale."""
    workspace = Workspace.open(url)
    with Talk(quiet=quiet) as talk:
        return run_stages(workspace, make_shell(workspace, talk), until=stage)[stage]
