"""A workspace: the folder or object-store URL that holds configuration, lake pointers, derived tables and rounds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from oddloop.config import Config, load_config
from oddloop.errors import ConfigError, WorkspaceError
from oddloop.lake.formats import Snapshot, is_snapshot_pointer, open_snapshot
from oddloop.lake.lock import settle
from oddloop.lake.storage import Storage
from oddloop.tables import TASKS

CONFIG_FILE = "oddloop.toml"


@dataclass(frozen=True)
class TableFiles:
    """The Parquet files of one table, in path order.

    Attributes:
        name: table name, such as `scenes` or `predictions/detection/pointrcnn`.
        storage: the folder that holds them.
        files: paths relative to `storage`.
    """

    name: str
    storage: Storage
    files: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.files)


@dataclass(frozen=True)
class Workspace:
    """An opened workspace: where it is and what its `oddloop.toml` says.

    >>> import tempfile
    >>> ws = Workspace.create(tempfile.mkdtemp() + "/ws", "[workspace]\\nname = 'try'\\n")
    >>> Workspace.open(ws.storage.url).config.workspace.name
    'try'
    """

    storage: Storage
    config: Config
    _pinned: dict[str, Snapshot] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def open(cls, url: str | os.PathLike[str]) -> Workspace:
        """Open an existing workspace, with the tables in place that a killed ingest was putting there.

        Raises:
            WorkspaceError: there is no `oddloop.toml` at the URL, or its tables are changing places; see `lock.settle`.
            ConfigError: the file is there, but faulty.
        """
        storage = Storage.open(url)
        if not storage.exists(CONFIG_FILE):
            raise WorkspaceError(
                f"{storage.url}: no {CONFIG_FILE} here; run `oddloop init {storage.url}` or give another --workspace"
            )
        try:
            text = storage.read_bytes(CONFIG_FILE).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{storage.url}/{CONFIG_FILE}: not UTF-8 at byte {error.start}; save it as UTF-8"
            ) from error
        config = load_config(text, source=f"{storage.url}/{CONFIG_FILE}")
        settle(storage)
        return cls(storage, config)

    @classmethod
    def create(cls, url: str | os.PathLike[str], config_text: str) -> Workspace:
        """Make a workspace from the text of its `oddloop.toml`; the text is checked first, and nothing is overwritten.

        Raises:
            WorkspaceError: there already is a workspace.
            ConfigError: the text is faulty.
        """
        storage = Storage.open(url)
        config = load_config(config_text)
        if storage.exists(CONFIG_FILE):
            raise WorkspaceError(f"{storage.url}: already a workspace; edit its {CONFIG_FILE} or choose another folder")
        storage.fs.create_dir(storage.root, recursive=True)
        storage.write_bytes(CONFIG_FILE, config_text.encode())
        return cls(storage, config)

    def table(self, name: str) -> TableFiles:
        """Files of a lake table by name, `predictions/<task>/<model_id>` and `features/<encoder_id>` included."""
        head, _, rest = name.partition("/")
        snapshot = self.snapshot(head)
        if snapshot is not None and not rest:
            return TableFiles(name, snapshot.root, snapshot.files)
        storage = self._pointed(str(getattr(self.config.lake, head)))
        return table_files(storage.sub(rest) if rest else storage, name)

    def snapshot(self, name: str) -> Snapshot | None:
        """The Delta or Iceberg version that a table is read at; None where it is a folder of files.

        It is looked up once: an opened workspace sees one version, whatever others write meanwhile.
        """
        pointer = str(getattr(self.config.lake, name))
        if not is_snapshot_pointer(pointer):
            return None
        if name not in self._pinned:
            self._pinned[name] = open_snapshot(pointer, self.storage)
        return self._pinned[name]

    def read_at(self, names: Iterable[str]) -> dict[str, Any]:
        """Of those tables that are Delta or Iceberg the version that they are read at; see `Recipe.read_at`."""
        found = {name: self.snapshot(name) for name in names if hasattr(self.config.lake, name)}
        return {name: snapshot.to_json() for name, snapshot in found.items() if snapshot is not None}

    def pointer(self, name: str) -> str:
        """What another workspace must point to for the same table: absolute path or URL, at the same version."""
        snapshot = self.snapshot(name)
        return snapshot.pointer_from_anywhere if snapshot is not None else self.table(name).storage.absolute

    def files_at(self, pointer: str, name: str) -> TableFiles:
        """Parquet files that a pointer of `oddloop.toml` names: one file, or all below a folder.

        Args:
            pointer: a path from the workspace, an absolute path, or a URL.
            name: what the table is called in messages, such as the setting.

        Raises:
            WorkspaceError: there are none.
        """
        folder, _, file = pointer.rpartition("/") if pointer.endswith(".parquet") else (pointer, "", "")
        storage = self._pointed(folder or ".")
        found = TableFiles(name, storage, (file,)) if file else table_files(storage, name)
        if not found or (file and not storage.exists(file)):
            raise WorkspaceError(f"{name} = {pointer!r}: no Parquet files at {storage.path(file)}; correct the setting")
        return found

    def models(self) -> dict[str, tuple[str, ...]]:
        """Tasks by model_id of every model that has predictions in the lake."""
        storage = self._pointed(self.config.lake.predictions)
        found: dict[str, list[str]] = {}
        for task in (t for t in TASKS if storage.exists(t)):
            for model_id in storage.list_folders(task):
                found.setdefault(model_id, []).append(task)
        return {model_id: tuple(tasks) for model_id, tasks in sorted(found.items())}

    def encoders(self) -> list[str]:
        """Encoder ids that have features in the lake."""
        return self._pointed(self.config.lake.features).list_folders()

    def resolve(self, pointer: str) -> str:
        """Absolute path or URL of a pointer, as `Storage.open` and `Workspace.open` take it."""
        return self._pointed(pointer).absolute

    def _pointed(self, pointer: str) -> Storage:
        """Storage of a lake pointer: a path from the workspace, an absolute path, or a URL."""
        if is_snapshot_pointer(pointer):
            raise WorkspaceError(
                f"{pointer}: this needs a folder of Parquet files; one table only can be Delta or Iceberg"
            )
        if "://" in pointer or pointer.startswith("~") or os.path.isabs(pointer):
            return Storage.open(pointer)
        return self.storage.sub(pointer)


def table_files(storage: Storage, name: str) -> TableFiles:
    """Parquet files below a folder, as one table.

    Raises:
        WorkspaceError: the folder is a Delta table, where files that count no more lie beside those that do.
    """
    if storage.exists("_delta_log"):
        raise WorkspaceError(
            f"{storage.url}: a Delta table; write delta:{storage.url} in [lake], or export a version as Parquet files"
        )
    infos = storage.list_files(suffix=".parquet")
    return TableFiles(name, storage, tuple(storage.relative(info.path) for info in infos))
