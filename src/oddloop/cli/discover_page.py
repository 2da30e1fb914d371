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
    from oddloop.report import CARDS_FILE, publish_cards

    opened = Workspace.open(workspace)
    text = publish_cards(opened, run_discovery(opened, quiet=True))
    if file is None:
        opened.storage.write_bytes(CARDS_FILE, text.encode())
    else:
        _write(file, text)
    out.print(f"{file or f'{opened.storage.url}/{CARDS_FILE}'}: {len(text.encode()) / 1e6:.1f} MB", markup=False)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise WorkspaceError(f"{file}: cannot be written: {error.strerror}; name a file in a folder") from error
