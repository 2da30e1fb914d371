"""How a fault is brought about in a clean workspace, and the exact line that it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lake.lake_samples import CONFIG, Edit
from oddloop.lake.checks.cures import CURES


@dataclass(frozen=True)
class Case:
    """One fault.

    Attributes:
        code: its code.
        place: file and row, or table; `{folder}` is the workspace.
        what: what is said to be wrong.
        edits: changes to the clean tables before they are written.
        after: changes to the workspace's folder once it is written.
        config: text of oddloop.toml.
        n_rows: rows said to be concerned.
    """

    code: str
    place: str
    what: str
    edits: tuple[Edit, ...] = ()
    after: Callable[[Path], object] = lambda folder: None
    config: str = CONFIG
    n_rows: int = 1

    @property
    def line(self) -> str:
        """What the user reads. The full lines, cures written out, are in docs/faults.md, which a test holds to this."""
        rows = f" ({self.n_rows} rows)" if self.n_rows > 1 else ""
        return f"{self.place}: {self.what}; {CURES[self.code]}{rows} [{self.code}]"
