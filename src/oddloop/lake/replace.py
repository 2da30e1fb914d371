"""Replace lake tables together, so that a kill at any moment leaves all of them as they were or as they shall be.

A table that oddloop writes is one file, `part-00000.parquet`. It is written aside, synced, and then renamed over the
old one, which a local disk does at once; in an object store the finished object is moved. Several tables are first all
written aside, so that a failure while writing changes none of them. Then a journal says that they count from now on
(`lake.journal`), and they are renamed one after the other; what a kill leaves undone, the next command does first. So
all of them are old or all are new.

Memory is one batch; time grows with the rows.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.config import LakeConfig
from oddloop.errors import TableError, WorkspaceError
from oddloop.lake.encoding import row_group_rows
from oddloop.lake.formats import is_snapshot_pointer
from oddloop.lake.journal import decide, finish, is_pending
from oddloop.lake.storage import STAGING_MARK, Storage, sync
from oddloop.lake.workspace import Workspace
from oddloop.tables import BY_ENCODER, INPUTS, TASKS, TableSpec

PART = "part-00000.parquet"
"""The file of a table that oddloop wrote whole."""
GROWING = ("labels", "metrics", "objects")
"""Tables to which rounds add files of their own; those stay when the ingested part is replaced."""
_POINTERS = tuple(f.name for f in fields(LakeConfig))


@contextlib.contextmanager
def replacing(workspace: Workspace) -> Iterator[Replacement]:
    """Write several lake tables aside; they take their places together when the block ends without an error.

    Hold the workspace's lock (`lake.lock.locked`) around it: what a killed run left aside is removed, or put into place
    where that was decided.
    """
    finish(workspace.storage)  # before a file that a journal names is taken for a leftover
    tables = Replacement(workspace)
    try:
        yield tables
        tables._commit()
    finally:
        tables._discard()


@dataclass
class Replacement:
    """Lake tables that are written aside and not yet in place."""

    workspace: Workspace
    _aside: dict[str, str] = field(default_factory=dict)  # file written aside, by the folder that it shall go to
    _dropped: list[str] = field(default_factory=list)

    def write(self, name: str, batches: Iterable[pa.Table] | pa.Table) -> int:
        """Write a table aside and return its rows; no batch at all gives the declared empty table.

        Raises:
            WorkspaceError: the table must not be replaced; see `refuse_unwritable`.
            TableError: a batch has other columns than the first.
        """
        refuse_unwritable(self.workspace, [name])
        storage, folder = self.workspace.storage, place_of(self.workspace, name)
        aside = _sweep(storage, folder, name) + uuid.uuid4().hex
        self._aside[folder] = aside
        return _write_batches(storage, aside, name, [batches] if isinstance(batches, pa.Table) else batches)

    def drop(self, name: str) -> None:
        """Have a table's file removed; files that rounds added stay, and where there is none nothing happens."""
        refuse_unwritable(self.workspace, [name])
        self._dropped.append(place_of(self.workspace, name))

    def _commit(self) -> None:
        storage = self.workspace.storage
        moves = {f"{folder}/{PART}": aside for folder, aside in self._aside.items()}
        decide(storage, moves, [f"{folder}/{PART}" for folder in self._dropped])
        finish(storage)

    def _discard(self) -> None:
        storage = self.workspace.storage
        if is_pending(storage):  # moving failed half-way, and whoever comes next needs what is still aside
            return
        for aside in self._aside.values():
            if storage.exists(aside):
                storage.delete_file(aside)


def refuse_unwritable(workspace: Workspace, names: Iterable[str]) -> None:
    """Refuse tables that oddloop must not replace.

    Raises:
        WorkspaceError: a table lies outside the workspace, or holds files that oddloop did not write; all are named.
    """
    reasons = [f"  {name}: {reason}" for name in names if (reason := _why_unwritable(workspace, name))]
    if reasons:
        noun = "table" if len(reasons) == 1 else "tables"
        heading = f"{workspace.storage.url}: {len(reasons)} {noun} cannot be replaced; nothing was written"
        raise WorkspaceError("\n".join([heading, *reasons]))


def place_of(workspace: Workspace, name: str) -> str:
    """Folder of a lake table, relative to the workspace; for tables without a pointer it is `lake/<name>`."""
    head, _, rest = name.partition("/")
    pointer = _pointer(workspace, name) or f"lake/{head}"
    return f"{pointer}/{rest}" if rest else pointer


def spec_of(name: str) -> TableSpec | None:
    """Declaration of a lake table by name, those of one model (`predictions/…`) or encoder (`features/…`) included.

    >>> spec_of("predictions/detection/v1").name, spec_of("scenes").name, spec_of("sightings")
    ('predictions/detection', 'scenes', None)
    """
    parts = name.split("/")
    if parts[0] == "predictions":
        return TASKS.get(parts[1]) if len(parts) == 3 else None
    if parts[0] in BY_ENCODER:
        return BY_ENCODER[parts[0]] if len(parts) == 2 else None
    return next((spec for spec in INPUTS if spec.name == name), None)


def _pointer(workspace: Workspace, name: str) -> str:
    head = name.partition("/")[0]
    return str(getattr(workspace.config.lake, head)) if head in _POINTERS else ""


def _why_unwritable(workspace: Workspace, name: str) -> str:
    pointer = _pointer(workspace, name)
    if "://" in pointer or is_snapshot_pointer(pointer) or os.path.isabs(pointer) or ".." in pointer.split("/"):
        return (
            f"[lake] {name.partition('/')[0]} points outside the workspace, to {pointer}, where oddloop only reads; "
            "bring the files there yourself, or remove the pointer from oddloop.toml"
        )
    if name in GROWING:
        return ""
    folder = workspace.storage.sub(place_of(workspace, name))
    strange = [f for i in folder.list_files(suffix=".parquet") if (f := folder.relative(i.path)) != PART]
    if strange:
        more = f" and {len(strange) - 1:,} more" if len(strange) > 1 else ""
        return f"{folder.url} holds files that oddloop did not write ({strange[0]}{more}); move them away first"
    return ""


def _write_batches(storage: Storage, aside: str, name: str, batches: Iterable[pa.Table]) -> int:
    writer: pq.ParquetWriter | None = None
    n_rows = 0
    with storage.fs.open_output_stream(storage.path(aside)) as stream:
        try:
            for batch in batches:
                writer = writer or pq.ParquetWriter(stream, batch.schema, compression="zstd")
                writer.write_table(_like(batch, writer.schema, name), row_group_size=row_group_rows(writer.schema))
                n_rows += batch.num_rows
            writer = writer or _empty(stream, name)
        finally:
            if writer is not None:
                writer.close()
    if storage.is_local:
        sync(storage.path(aside))
    return n_rows


def _like(batch: pa.Table, schema: pa.Schema, name: str) -> pa.Table:
    if not batch.schema.equals(schema):
        raise TableError(f"{name}: a later batch has the columns {batch.schema.names}, the first had {schema.names}")
    return batch


def _empty(stream: pa.NativeFile, name: str) -> pq.ParquetWriter:
    spec = spec_of(name)
    if spec is None:
        raise TableError(f"{name}: no rows, and no declared table of that name; give one empty table with its columns")
    return pq.ParquetWriter(stream, spec.schema(), compression="zstd")


def _sweep(storage: Storage, folder: str, name: str) -> str:
    """Remove what killed runs left aside of a table, and return how such files begin.

    They lie in the table's folder or, until there is one, in the nearest folder above it: so on the same disk, and an
    unfinished model or encoder has no folder that would make it look finished.
    """
    parts = folder.split("/")
    while parts and not storage.exists("/".join(parts)):
        parts.pop()
    above = "/".join(parts)
    prefix = f"{name.replace('/', '-')}{STAGING_MARK}"
    for leftover in storage.list_leftovers(above):
        if leftover.startswith(prefix):
            storage.delete_file(f"{above}/{leftover}".lstrip("/"))
    return f"{above}/{prefix}".lstrip("/")
