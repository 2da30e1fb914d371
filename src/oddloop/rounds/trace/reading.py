"""Single rows and columns of files that may be gone: what is missing is noted and told, and nothing fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace


@dataclass
class Reader:
    """Reads what is left of a workspace's past.

    Attributes:
        scene_id: the scene that rows are looked up of.
        missing: what was looked for and is gone, once each.
    """

    workspace: Workspace
    scene_id: str
    missing: list[str] = field(default_factory=list)

    def row(self, folder: str, file: str, columns: list[str] | None = None) -> dict[str, Any] | None:
        """The scene's row of a file; None where it has none, or the file is gone. Row groups without it are skipped."""
        storage = self.workspace.storage
        if not self._is_there(storage, folder, file):
            return None
        mine = pc.field("scene_id") == self.scene_id
        table = pq.read_table(storage.path(f"{folder}/{file}"), columns=columns, filesystem=storage.fs, filters=mine)
        rows = table.slice(0, 1).to_pylist()
        return rows[0] if rows else None

    def rows(self, folder: str, file: str) -> list[dict[str, Any]]:
        """All of the scene's rows of a file."""
        storage = self.workspace.storage
        if not self._is_there(storage, folder, file):
            return []
        mine = pc.field("scene_id") == self.scene_id
        rows: list[dict[str, Any]] = pq.read_table(
            storage.path(f"{folder}/{file}"), filesystem=storage.fs, filters=mine
        ).to_pylist()
        return rows

    def column(self, folder: str, file: str, name: str) -> pa.ChunkedArray | None:
        """One column of a file; None where it is gone."""
        if not self._is_there(self.workspace.storage, folder, file):
            return None
        return self.workspace.storage.read_table(f"{folder}/{file}", [name])[name]

    def note(self, what: str) -> None:
        """Note that something is gone."""
        if what not in self.missing:
            self.missing.append(what)

    def _is_there(self, storage: Storage, folder: str, file: str) -> bool:
        if storage.exists(f"{folder}/{file}"):
            return True
        self.note(f"{folder}/{file}")
        return False
