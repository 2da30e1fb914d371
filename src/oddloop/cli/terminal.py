"""Results on stdout, talk on stderr: bars on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from oddloop.rounds.shell import Step

_MANY = 20
"""Parts from which on plain talk tells of progress."""
_FILE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe, where no terminal says how wide it is."""


def _console(*, stderr: bool) -> Console:
    # Ids and paths may hold brackets and colons, so nothing is read as markup or as the name of an emoji.
    console = Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    return console


out, err = _console(stderr=False), _console(stderr=True)


def print_json(value: Any) -> None:
    """Print a plain value as JSON on stdout."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for people on stdout; numbers are right-aligned."""
    cells = [[shown(cell) for cell in row] for row in rows]
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for index, column in enumerate(columns):
        numeric = all(_is_number(row[index]) for row in cells)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric)
    for row in cells:
        table.add_row(*row)
    out.print(table, soft_wrap=False)


def shown(cell: object) -> str:
    """A value for people: thousands parted, three decimals, `-` for none."""
    if cell is None:
        return "-"
    return f"{cell:,.3f}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").replace("-", "").isdigit() or text == "-"


class Talk:
    """Tells of steps as they end, and of progress in between: a bar on a terminal, nothing elsewhere."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Make it silent where `quiet`."""
        self._quiet = quiet
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._what = ""

    def __enter__(self) -> Talk:
        if err.is_terminal and not self._quiet:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bars = Progress(*columns, TimeElapsedColumn(), console=err, transient=True)
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def progress(self, what: str, done: int, total: int) -> None:
        """Move the bar; without a terminal, a line at each quarter of what takes many parts."""
        if self._bars is None:
            if total >= _MANY and (4 * done // total) > (4 * (done - 1) // total):
                self.say(f"{what}: {done:,} of {total:,}")
            return
        if what != self._what:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._what, self._task = what, self._bars.add_task(what, total=total or None)
        assert self._task is not None  # noqa: S101  set together with the description
        self._bars.update(self._task, completed=done, total=total or None)

    def step(self, step: Step) -> None:
        """Tell that a step has ended."""
        state = f"{step.seconds:6.1f} s" if step.computed else "up to date"
        detail = "  ".join(f"{name} {shown(value)}" for name, value in step.detail.items() if value != 0)
        self.say(f"{step.name:<9} {state:>10}  {step.digest[:8]:<8}  {detail}")

    def warn(self, text: str) -> None:
        """Print a warning on stderr, also where talk is silent."""
        err.print("Warning:", style="bold yellow", end=" ")
        err.print(text)

    def say(self, text: str) -> None:
        """Print a line of talk on stderr."""
        if not self._quiet:
            err.print(text)
