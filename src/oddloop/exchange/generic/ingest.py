"""`oddloop ingest tables`: Parquet and CSV files that already have the columns, into the lake.

All files are opened and their columns judged before anything is written; then they are streamed aside in batches and
put in place together. Time grows with the data, memory with one batch (`[engine] batch_rows`, or 8 MB of CSV).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from oddloop.config import ColumnSource, Config, RowConfig
from oddloop.errors import Fault, SourceError, TableError, join_faults
from oddloop.exchange.generic.columns import Reader, column_map, map_faults, merge_schemas, plan_file
from oddloop.exchange.generic.layout import Source, find_sources
from oddloop.exchange.generic.rows import REFUSED, PreparedFile, Refusals, mark_superseded
from oddloop.exchange.generic.stream import File, FileError
from oddloop.exchange.summary import IngestSummary, Progress
from oddloop.lake.replace import place_of, refuse_unwritable, replacing
from oddloop.lake.workspace import Workspace


@dataclass(frozen=True)
class _Plan:
    """How one table is read: its files with their column names, and the schema that all of them are brought to."""

    source: Source
    files: dict[str, tuple[PreparedFile, Reader]]
    schema: pa.Schema
    refusals: Refusals


def ingest_tables(folder: Path, workspace: Workspace, *, progress: Progress | None = None) -> IngestSummary:
    """Bring a folder's Parquet and CSV files into a workspace's lake.

    Each table found replaces the lake's table of that name; labels and metrics that rounds have added since stay, as do
    tables that the folder does not have. `[columns.<table>]` of oddloop.toml renames columns. Hold the workspace's lock
    (`lake.lock.locked`) around it.

    Args:
        folder: holds the tables as `layout.py` says; read only.
        workspace: where the tables go.
        progress: told after each table ("ingest", tables done, tables in all).

    Raises:
        SourceError: the folder is missing, holds no table, or is the workspace's own.
        TableError: a column or value does not fit; all faults are named, and nothing is written.
        WorkspaceError: a table must not be replaced.
    """
    folder = Path(folder)
    layout = find_sources(folder)
    _refuse_own_lake(layout.sources, workspace)
    config = workspace.config
    faults = [*layout.faults, *map_faults({**config.columns, **config.rows}, layout.sources)]
    plans = [_plan(source, folder, config, faults) for source in layout.sources]
    _refuse(faults, folder)
    refuse_unwritable(workspace, [source.table for source in layout.sources])
    rows: dict[str, int] = {}
    refused = pa.concat_tables([REFUSED.empty_table()])
    with replacing(workspace) as lake:
        for plan in plans:
            batch_rows = plan.source.spec.batch_rows or workspace.config.engine.batch_rows
            batches = _stream(plan, batch_rows, faults)
            rows[plan.source.table] = lake.write(plan.source.table, batches)
            refused = pa.concat_tables([refused, plan.refusals.listed()])
            if progress is not None:
                progress("ingest", len(rows), len(plans))
        _refuse(faults, folder)
    return IngestSummary(str(folder), rows, refused=refused)


def _plan(source: Source, folder: Path, config: Config, faults: list[Fault]) -> _Plan:
    made = column_map(config.columns, source)
    sources = {name: how for name, how in made.items() if isinstance(how, ColumnSource)}
    mapping = {name: how for name, how in made.items() if isinstance(how, str)}
    rules = config.rows.get(source.table, config.rows.get(source.spec.name, RowConfig()))
    refusals = Refusals(source.table)
    files: dict[str, tuple[PreparedFile, Reader]] = {}
    for path in source.files:
        name = path.relative_to(folder).as_posix()
        plain = File.of(path, source.spec, mapping)
        file = PreparedFile.of(plain, name, source.spec, mapping, sources, rules, refusals)
        try:
            reader, found = plan_file(file.read_schema(), source, mapping, name)
            if not found:
                files[name] = file, reader
        except FileError as error:
            found = [Fault(source.table, name, -1, "unreadable-file", str(error))]
        faults += found
    schema, found = merge_schemas([(name, reader) for name, (_, reader) in files.items()], source)
    faults += found
    if not faults:
        faults += _mark_superseded(source, [file for file, _ in files.values()], config.engine.batch_rows)
    return _Plan(source, files, schema, refusals)


def _mark_superseded(source: Source, files: list[PreparedFile], batch_rows: int) -> list[Fault]:
    try:
        mark_superseded(files, batch_rows)
    except FileError as error:
        return [Fault(source.table, "", -1, "missing-column", str(error))]
    return []


def _stream(plan: _Plan, batch_rows: int, faults: list[Fault]) -> Iterator[pa.Table]:
    """Batches of all files; what cannot be read is noted, and the next file goes on, so that all faults are found."""
    is_empty = True
    for name, (file, reader) in plan.files.items():
        try:
            for batch in file.read_batches(batch_rows=batch_rows):
                yield reader.conform(batch, plan.schema)
                is_empty = False
        except FileError as error:
            faults.append(Fault(plan.source.table, name, -1, "unreadable-value", str(error)))
    if is_empty:
        yield plan.schema.empty_table()


def _refuse(faults: list[Fault], folder: Path) -> None:
    if faults:
        noun = "fault" if len(faults) == 1 else "faults"
        raise TableError(join_faults(f"{folder}: {len(faults)} {noun}; nothing was written", faults))


def _refuse_own_lake(sources: Sequence[Source], workspace: Workspace) -> None:
    if not workspace.storage.is_local:
        return
    for source in sources:
        place = workspace.storage.local_path(place_of(workspace, source.table)).resolve()
        if any(file.resolve().is_relative_to(place) for file in source.files):
            raise SourceError(f"{source.files[0]}: is in the workspace's own lake already; nothing to ingest")
