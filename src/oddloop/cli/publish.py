"""Write the tables that dashboards read: a star schema in files and PostgreSQL, and what BI tools want beside it."""

from __future__ import annotations

import time
from dataclasses import asdict

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.publish import Published, publish


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    opened = Workspace.open(workspace)
    with locked(opened.storage):
        published = publish(opened, time.time_ns())
    if as_json:
        print_json(asdict(published))
        return
    out.print(published_line(published))


def published_line(published: Published) -> str:
    """Where the tables are, and whether they are new."""
    if not published.written:
        return f"Published: {published.url} is up to date since {published.published_at[:16]} UTC"
    facts = ", ".join(f"{published.rows[name]:,} {name}" for name in sorted(published.rows) if name.startswith("fact"))
    return f"Published: {published.url} ({facts})"
