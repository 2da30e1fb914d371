"""The cards as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.discover_run import run_discovery
from oddloop.cli.options import WorkspaceOption
from oddloop.cli.terminal import out
from oddloop.errors import WorkspaceError
from oddloop.lake.workspace import Workspace


def page(
    file: Annotated[
        Path | None, typer.Argument(help="File to write; overwritten. Left out: discovery.html in the workspace.")
    ] = None,
    workspace: WorkspaceOption = ".",
) -> None:
    """Write one HTML page of all cards: facts, reasons, a map, and drawings of scenes where there are tracks."""
    opened = Workspace.open(workspace)
    url, size = write_cards(opened, file)
    out.print(f"{url}: {size / 1e6:.1f} MB", markup=False)


def write_cards(workspace: Workspace, file: Path | None = None) -> tuple[str, int]:
    """Write the page, running discovery where it is stale; returns where it is, and its bytes.

    Args:
        workspace: the workspace.
        file: where to; None: `discovery.html` in the workspace.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    from oddloop.report import CARDS_FILE, render_discovery

    content = render_discovery(workspace, run_discovery(workspace, quiet=True)).encode()
    if file is None:
        workspace.storage.write_bytes(CARDS_FILE, content)
        return f"{workspace.storage.url}/{CARDS_FILE}", len(content)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise WorkspaceError(f"{file}: cannot be written: {error.strerror}; name a file in a folder") from error
    return str(file), len(content)
