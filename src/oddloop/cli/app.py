"""The `oddloop` command: its commands in display order, and what the exit codes mean."""

from __future__ import annotations

import importlib
import signal
import sys
from enum import IntEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from oddloop import __version__
from oddloop.errors import OddloopError


class ExitCode(IntEnum):
    """What a script can rely on."""

    OK = 0
    ERROR = 1
    USAGE = 2
    TARGET_MISSED = 3


COMMANDS = (
    "init",
    "taxonomy",
    "ingest",
    "check",
    "score",
    "coverage",
    "discover",
    "scenes",
    "select",
    "review",
    "labels",
    "datasets",
    "train",
    "evaluate",
    "run",
    "watch",
    "rounds",
    "report",
    "publish",
    "serve",
    "demo",
)
"""Commands in the order of the loop; each is the module of `oddloop.cli` with its name."""


class InOrder(TyperGroup):
    """Lists the commands in the order of the loop, and imports only the one that is called."""

    def list_commands(self, _ctx: object) -> list[str]:
        """Names of the commands."""
        return list(COMMANDS)

    def get_command(self, _ctx: object, name: str) -> Any:
        """The command of a name, or None."""
        return load_command(name) if name in COMMANDS else None


def load_command(name: str) -> Any:
    """Import a command's module and make its command: its `app` where it has commands of its own, else its `run`."""
    module = importlib.import_module(f"oddloop.cli.{name}")
    own = getattr(module, "app", None)
    if own is None:
        own = typer.Typer(add_completion=False)
        own.command(name, help=module.__doc__)(module.run)
    command = typer.main.get_command(own)
    command.name = name
    return command


app = typer.Typer(
    cls=InOrder,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which driving scenes to label or drive next, why, and whether the advice was right.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"oddloop {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def main_options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options before any command."""


def main() -> None:
    """Run the command line; known errors print one message and no traceback."""
    # A polite kill ends like any error does: what was begun is put away, and a training with it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(ExitCode.ERROR))
    try:
        app()
    except OddloopError as error:
        _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}; free space, correct the path or its permissions, and run again")


def _fail(message: str) -> None:
    from oddloop.cli.terminal import err

    err.print("Error:", style="bold red", end=" ")
    err.print(message)
    sys.exit(ExitCode.ERROR)
