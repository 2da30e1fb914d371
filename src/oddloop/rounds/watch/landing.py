"""Files that are delivered to a landing folder go into the lake, each whole, once, and checked before.

The landing folder has the lake's form: `scenes/day-7.parquet`, `predictions/detection/m1/day-7.parquet`. A file whose
bytes the table has already, under whatever name, was delivered again and is dropped. One with a known name and other
bytes is a correction and takes the old one's place. What does not fit its table stays where it is and is told of. A
kill at any moment leaves a file in the landing folder, in the lake, or in both, and then the next call drops it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pyarrow.fs as pafs

from oddloop.errors import OddloopError, TableError, WorkspaceError
from oddloop.lake.fingerprint import file_digest, file_digests
from oddloop.lake.lock import locked
from oddloop.lake.scan import conform, open_parquet
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace, table_files
from oddloop.tables import BY_ENCODER, INPUTS, TASKS, TableSpec

SETTLED_S = 2.0
"""A file that was written to later than that is left for the next call, since its writer may not be done."""


@dataclass(frozen=True)
class Landed:
    """What became of the files of a landing folder; `refused` are (file, why)."""

    taken: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def take_in(landing: Storage, workspace: Workspace, *, settled_s: float = SETTLED_S) -> Landed:
    """Take what has been delivered into the lake.

    Args:
        landing: the folder, on a local disk or in an object store.
        workspace: its lake.
        settled_s: age from which a file counts as written, s.

    Raises:
        WorkspaceError: the folder cannot be listed, or another process is writing to the workspace.
    """
    landed = Landed()
    infos = landing.list_files(suffix=".parquet")
    if not infos:
        return landed
    with locked(workspace.storage):
        for info in infos:
            landed = _take(landing, workspace, info, landed, settled_s)
    return landed


def _take(landing: Storage, workspace: Workspace, info: pafs.FileInfo, landed: Landed, settled_s: float) -> Landed:
    file = landing.relative(info.path)
    if info.mtime_ns and time.time_ns() - info.mtime_ns < 1e9 * settled_s:
        return replace(landed, waiting=(*landed.waiting, file))
    try:
        spec, table, name = _parted(file)
        with open_parquet(landing, file) as parquet:
            conform(parquet.schema_arrow.empty_table(), spec, file)
        is_new = _put(landing, file, workspace, table, name)
    except OddloopError as error:
        return replace(landed, refused=(*landed.refused, (file, str(error))))
    landing.delete_file(file)
    if is_new:
        return replace(landed, taken=(*landed.taken, file))
    return replace(landed, again=(*landed.again, file))


def _parted(file: str) -> tuple[TableSpec, str, str]:
    """The table that a file was delivered to: its declaration, its name, and the file's name in it."""
    for spec in INPUTS:
        one_each = spec.name in BY_ENCODER or spec in TASKS.values()
        depth = spec.name.count("/") + 1 + one_each
        parts = file.split("/")
        if file.startswith(f"{spec.name}/") and len(parts) > depth:
            return spec, "/".join(parts[:depth]), "/".join(parts[depth:])
    known = ", ".join(f"{s.name}/<id>" if s.name in BY_ENCODER or s in TASKS.values() else s.name for s in INPUTS)
    raise TableError(f"{file}: lies in the folder of no table; those are: {known}")


def _put(landing: Storage, file: str, workspace: Workspace, table: str, name: str) -> bool:
    """Put a file into the lake; False where its bytes are there already."""
    if workspace.snapshot(table.partition("/")[0]) is not None:
        raise TableError(f"{table}: a Delta or Iceberg table takes no files; write to it with its own tools")
    place = workspace.table(table).storage
    known = file_digests(table_files(place, table), workspace.storage)
    if file_digest(landing, file) in known.values():
        return False
    aside = place.write_aside(name)
    try:
        between = {"source_filesystem": landing.fs, "destination_filesystem": place.fs}
        pafs.copy_files(landing.path(file), place.path(aside), **between)
        place.commit_file(aside, name)
    except OSError as error:
        raise WorkspaceError(f"{file}: cannot be copied into the lake: {error}; it stays where it is") from error
    finally:
        if place.exists(aside):
            place.delete_file(aside)
    return True
