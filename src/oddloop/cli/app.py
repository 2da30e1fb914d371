"""The `oddloop` command: its commands in display order, and what the exit codes mean."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import Annotated

import typer
from typer.core import TyperGroup

from oddloop import __version__
from oddloop.cli import check, coverage, demo, discover, ingest, init, labels, report, rounds, run, score, select, train
from oddloop.cli.terminal import err
from oddloop.errors import OddloopError


class ExitCode(IntEnum):
    """What a script can rely on."""

    OK = 0
    ERROR = 1
    USAGE = 2
    TARGET_MISSED = 3


COMMANDS = {
    "init": init,
    "ingest": ingest,
    "check": check,
    "score": score,
    "coverage": coverage,
    "discover": discover,
    "select": select,
    "labels": labels,
    "train": train,
    "run": run,
    "rounds": rounds,
    "report": report,
    "demo": demo,
}


class InOrder(TyperGroup):
    """Lists the commands in the order of the loop, groups among them."""

    def list_commands(self, _ctx: object) -> list[str]:
        """Names of the commands."""
        return list(COMMANDS)


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


for _name, _module in COMMANDS.items():
    if hasattr(_module, "app"):
        app.add_typer(_module.app, name=_name, help=_module.__doc__)
    else:
        app.command(_name, help=_module.__doc__)(_module.run)


def main() -> None:
    """Run the command line; known errors print one message and no traceback."""
    try:
        app()
    except OddloopError as error:
        err.print("[bold red]Error:[/] ", end="")
        err.print(str(error), markup=False)
        sys.exit(ExitCode.ERROR)
