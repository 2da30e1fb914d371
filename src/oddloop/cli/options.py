"""Flags that mean one thing in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    str, typer.Option("--workspace", "-w", help="Folder or URL of the workspace.", envvar="ODDLOOP_WORKSPACE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
AuthorOption = Annotated[
    str, typer.Option("--author", help="Who acts; without it, the name of the user.", envvar="ODDLOOP_AUTHOR")
]
SourceArgument = Annotated[Path, typer.Argument(help="Folder to read from; it is never changed.", exists=True)]
