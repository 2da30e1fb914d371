"""Tables in other formats: a Delta or Iceberg table at one version, as the Parquet files that it consists of there.

A pointer is `delta:<path or URL>` or `iceberg:<catalog>.<namespace>.<table>`, the newest version unless `?version=<n>`
names one (of Iceberg, a snapshot id). Files are read where they lie. So whatever a reader of files alone would get
wrong is refused with its remedy: rows that are deleted beside the files, columns that are in the table's log only,
columns that were renamed. Time grows with the files: of Iceberg each one's footer is read.

The libraries (`deltalake`, `pyiceberg`) are extras; they find credentials and catalogs in their own configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq

from oddloop.errors import MissingExtraError, WorkspaceError
from oddloop.lake.storage import Storage

_POINTER = re.compile(r"(delta|iceberg):([^?]+)(?:\?version=(\d+))?")
_FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True)
class Snapshot:
    """A table of another format at one version.

    Attributes:
        format: `delta` or `iceberg`.
        table: what the pointer names, without the version.
        version: Delta's version, or Iceberg's snapshot id; -1: an Iceberg table that nothing was written to yet.
        root: folder that all files lie below.
        files: Parquet files, relative to it, sorted.
    """

    format: str
    table: str
    version: int
    root: Storage
    files: tuple[str, ...]

    @property
    def pointer(self) -> str:
        """A pointer to this very version."""
        return f"{self.format}:{self.table}" + (f"?version={self.version}" if self.version >= 0 else "")

    @property
    def pointer_from_anywhere(self) -> str:
        """The same, where a relative path would go from another workspace."""
        if self.format == "iceberg":
            return self.pointer
        return f"delta:{self.root.absolute}?version={self.version}"

    def to_json(self) -> dict[str, Any]:
        """For records: what was read."""
        return {"format": self.format, "table": self.table, "version": self.version, "n_files": len(self.files)}


def is_snapshot_pointer(pointer: str) -> bool:
    """Whether a pointer of `[lake]` names a table of another format.

    >>> is_snapshot_pointer("delta:s3://lake/labels"), is_snapshot_pointer("lake/labels")
    (True, False)
    """
    return pointer.startswith(("delta:", "iceberg:"))


def open_snapshot(pointer: str, home: Storage) -> Snapshot:
    """The version that a pointer names, or the newest one now.

    Args:
        pointer: see the module.
        home: the workspace, from which a relative path goes.

    Raises:
        WorkspaceError: the pointer is faulty, there is no such table or version, or files alone would be misread.
        MissingExtraError: the library of that format is not installed.
    """
    match = _POINTER.fullmatch(pointer)
    if match is None:
        raise WorkspaceError(
            f"{pointer}: write delta:<path or URL> or iceberg:<catalog>.<namespace>.<table>, then ?version=<n> or none"
        )
    name, table, version = match.groups()
    wanted = None if version is None else int(version)
    return _open_delta(table, wanted, home) if name == "delta" else _open_iceberg(table, wanted)


def tag_snapshot(snapshot: Snapshot, name: str, facts: dict[str, str]) -> None:
    """Have the table itself remember what a version was used for; what it remembers already is not written again.

    Iceberg gets a tag of that name on the snapshot; Delta, which has no tags, a commit that sets the table property
    `oddloop.<name>`, with the facts in its commit information.

    Args:
        snapshot: the version.
        name: what the tag is called.
        facts: what is said of it.

    Raises:
        WorkspaceError: the table cannot be written to.
    """
    tag = _tag_delta if snapshot.format == "delta" else _tag_iceberg
    with _failing(f"{snapshot.pointer}: cannot be tagged"):
        tag(snapshot, name, facts)


def _open_delta(table: str, version: int | None, home: Storage) -> Snapshot:
    deltalake = _import("deltalake", "delta")
    location = _location(table, home)
    with _failing(f"delta:{table}: cannot be read" + ("" if version is None else f" at version {version}")):
        delta = deltalake.DeltaTable(location, version=version)
        metadata = delta.metadata()
        has_vectors = any(batch.num_rows for batch in delta.deletion_vectors())
    _refuse_misread(
        f"delta:{table}",
        {
            "its partition columns are not in its files; write it without partitions":
                bool(metadata.partition_columns),
            "its columns are mapped to other names; rewrite it with delta.columnMapping.mode = none":
                metadata.configuration.get("delta.columnMapping.mode", "none") != "none",
            "rows of its files are deleted by deletion vectors; run REORG TABLE ... APPLY (PURGE)":
                has_vectors,
        },
    )  # fmt: skip
    paths = [unquote(path) for path in delta.get_add_actions().column("path").to_pylist()]
    return Snapshot("delta", table, delta.version(), Storage.open(location), tuple(sorted(paths)))


def _open_iceberg(table: str, version: int | None) -> Snapshot:
    _import("pyiceberg", "iceberg")
    with _failing(f"iceberg:{table}: cannot be read"):
        iceberg = _load_iceberg(table)
        found = iceberg.current_snapshot() if version is None else iceberg.snapshot_by_id(version)
    root = Storage.open(iceberg.location())
    if found is None:
        if version is not None:
            known = ", ".join(str(s.snapshot_id) for s in iceberg.snapshots())
            raise WorkspaceError(f"iceberg:{table}: no snapshot {version}; there are: {known or 'none'}")
        return Snapshot("iceberg", table, -1, root, ())
    schema = iceberg.schema() if version is None else iceberg.schemas()[found.schema_id]
    tasks = list(iceberg.scan(snapshot_id=found.snapshot_id).plan_files())
    files = [_below(root, task.file.file_path, table) for task in tasks]
    _refuse_misread(
        f"iceberg:{table}",
        {
            "rows of its files are deleted by delete files; run rewrite_data_files": any(t.delete_files for t in tasks),
            "not all of its files are Parquet; rewrite it": any(t.file.file_format.value != "PARQUET" for t in tasks),
        },
    )
    names = {field.field_id: field.name for field in schema.fields}
    _refuse_misread(
        f"iceberg:{table}",
        {"its files have a column under another name or number; run rewrite_data_files":
            any(_is_renamed(root, file, names) for file in files)},
    )  # fmt: skip
    return Snapshot("iceberg", table, found.snapshot_id, root, tuple(sorted(files)))


def _is_renamed(root: Storage, file: str, names: dict[int, str]) -> bool:
    """Whether a file's column has the number of one column of the table and the name of another, or of none."""
    numbers = {name: number for number, name in names.items()}
    for field in pq.read_schema(root.path(file), filesystem=root.fs):
        number = int((field.metadata or {}).get(_FIELD_ID, -1))
        if names.get(number, field.name) != field.name or numbers.get(field.name, number) != number:
            return True
    return False


def _below(root: Storage, path: str, table: str) -> str:
    place = Storage.open(path)
    if not place.root.startswith(f"{root.root.rstrip('/')}/"):
        raise WorkspaceError(f"iceberg:{table}: {path} lies outside {root.url}; rewrite the table to its own folder")
    return root.relative(place.root)


def _load_iceberg(table: str) -> Any:
    from pyiceberg.catalog import load_catalog

    catalog, _, name = table.partition(".")
    return load_catalog(catalog).load_table(name)


def _tag_delta(snapshot: Snapshot, name: str, facts: dict[str, str]) -> None:
    import deltalake

    delta = deltalake.DeltaTable(snapshot.root.absolute)
    said = f"{facts.get('dataset', '')}@{snapshot.version}"
    if delta.metadata().configuration.get(f"oddloop.{name}") == said:
        return
    told = {f"oddloop.{key}": value for key, value in {**facts, "version": str(snapshot.version)}.items()}
    commit = deltalake.CommitProperties(custom_metadata=told)
    delta.alter.set_table_properties({f"oddloop.{name}": said}, raise_if_not_exists=False, commit_properties=commit)


def _tag_iceberg(snapshot: Snapshot, name: str, _facts: dict[str, str]) -> None:
    table = _load_iceberg(snapshot.table)
    if snapshot.version >= 0 and name not in table.refs():
        table.manage_snapshots().create_tag(snapshot.version, name).commit()


def _location(table: str, home: Storage) -> str:
    """Absolute path or URL; `delta:///data/labels` is the path /data/labels."""
    if table.startswith("//"):
        return table[2:]
    if "://" in table:
        return table
    return table if table.startswith(("/", "~")) else home.sub(table).absolute


def _refuse_misread(place: str, reasons: dict[str, bool]) -> None:
    found = [reason for reason, holds in reasons.items() if holds]
    if found:
        raise WorkspaceError(f"{place}: {'; and '.join(found)}. Or export the version that you want as Parquet files")


def _import(module: str, extra: str) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(f"a {extra} table needs: pip install 'oddloop[{extra}]'") from error


@contextmanager
def _failing(what: str) -> Iterator[None]:
    """Whatever these libraries raise, said as one error of ours; they have no base class in common."""
    try:
        yield
    except Exception as error:
        raise WorkspaceError(f"{what}: {next(iter(str(error).splitlines()), type(error).__name__)}") from error
