"""Single rows and columns of files that may be gone: what is missing is noted and told, and nothing fails."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.lake.find import find_rows, rows_of
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.tables import TableSpec

Keep = Callable[[Hashable, Callable[[], Any]], Any]


def make_anew(_key: Hashable, make: Callable[[], Any]) -> Any:
    """Keep nothing."""
    return make()


@dataclass
class Reader:
    """Reads what is left of a workspace's past.

    Attributes:
        scene_id: the scene that rows are looked up of.
        missing: what was looked for and is gone, once each.
        keep: gives the value of a key, made where it is not kept.
    """

    workspace: Workspace
    scene_id: str
    missing: list[str] = field(default_factory=list)
    keep: Keep = make_anew

    def row(self, folder: str, file: str, columns: list[str] | None = None) -> dict[str, Any] | None:
        """The scene's row of a file; None where it has none, or the file is gone. Row groups without it are skipped."""
        storage = self.workspace.storage
        if not self._is_there(storage, folder, file):
            return None
        found = next(find_rows(storage, f"{folder}/{file}", [self.scene_id], columns), None)
        return None if found is None else dict(found.slice(0, 1).to_pylist()[0])

    def rows(self, folder: str, file: str) -> list[dict[str, Any]]:
        """All of the scene's rows of a file."""
        storage = self.workspace.storage
        if not self._is_there(storage, folder, file):
            return []
        return [row for part in find_rows(storage, f"{folder}/{file}", [self.scene_id]) for row in part.to_pylist()]

    def of_lake(self, spec: TableSpec, columns: Sequence[str], if_there: Sequence[str] = ()) -> list[dict[str, Any]]:
        """All of the scene's rows of a table of the lake."""
        parts = rows_of(self.workspace.table(spec.name), spec, [self.scene_id], columns, if_there)
        return [row for part in parts for row in part.to_pylist()]

    def ordered(self, folder: str, file: str, name: str, digest: str) -> npt.NDArray[np.float64]:
        """All numbers of a column, ascending; none where the file is gone.

        Args:
            folder: the folder of the file.
            file: the file.
            name: the column.
            digest: changes whenever the file does.
        """
        if not self._is_there(self.workspace.storage, folder, file):
            return np.zeros(0)

        def read() -> npt.NDArray[np.float64]:
            values = self.workspace.storage.read_table(f"{folder}/{file}", [name])[name].drop_null().to_numpy()
            return np.sort(values[~np.isnan(values)])

        found: npt.NDArray[np.float64] = self.keep(("ordered", digest, file, name), read)
        return found

    def note(self, what: str) -> None:
        """Note that something is gone."""
        if what not in self.missing:
            self.missing.append(what)

    def _is_there(self, storage: Storage, folder: str, file: str) -> bool:
        if storage.exists(f"{folder}/{file}"):
            return True
        self.note(f"{folder}/{file}")
        return False
