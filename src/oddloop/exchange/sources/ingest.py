"""Any source into the lake: part by part, resumable, and all at once or not at all.

Each part that has been read is kept aside in `derived/ingest/`, whole or not at all, until every part is there; then
all tables take their places together. A killed ingest goes on where it was. Time grows with the data; memory with one
part and the ids of the scenes.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.errors import Fault, SourceError, join_faults
from oddloop.exchange.attributes.derived import derived_rules
from oddloop.exchange.sources.base import Part, PartError, Source, Tables
from oddloop.exchange.sources.judge import find_part_faults
from oddloop.exchange.sources.labelled import labels_of
from oddloop.exchange.sources.left_out import LEFT_OUT, as_faults
from oddloop.exchange.summary import OF_SOURCE, IngestSummary, Progress
from oddloop.lake.derived import Derived, Recipe, derive, find
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.replace import refuse_unwritable, replacing
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace

STAGE = "ingest"
INGESTED_FILE = "ingested.json"
"""In the workspace: format, and the tables that the last ingest of a source wrote."""
SHOWN = 40
"""Faults that a message names; a data set of thousands of logs may have as many."""
_TEXT, _INT = pa.string(), pa.int64()
REFUSED = pa.schema([("table", _TEXT), ("file", _TEXT), ("row", _INT), ("reason", _TEXT), ("n_rows", _INT)])


def ingest_source(
    source: Source,
    folder: Path,
    workspace: Workspace,
    *,
    limit: int | None = None,
    labelled: Collection[str] = (),
    skip_faulty: bool = False,
    settings: Collection[object] = (),
    progress: Progress | None = None,
) -> IngestSummary:
    """Bring a source into a workspace's lake; its tables replace the lake's and those of the source ingested before it.

    Tables that came in otherwise stay.

    Hold the workspace's lock (`lake.lock.locked`) around it.

    Args:
        source: made for `folder`.
        folder: shown in messages.
        workspace: where the tables go.
        limit: take this many scenes and read no more parts than they need; None takes all.
        labelled: logs, or names of splits, whose scenes count as labelled from the start.
        skip_faulty: leave out parts with faults, with their reasons, instead of refusing everything.
        settings: what the source was made with, such as the length of a scene; parts read with others are read anew.
        progress: told after each part ("read", parts read, parts in all).

    Raises:
        SourceError: something is wrong with the source; all faults are named, and nothing was written.
        WorkspaceError: a table must not be replaced.
    """
    if limit is not None and limit < 1:
        raise SourceError(f"limit = {limit}: give a number of scenes, 1 or more")
    refuse_unwritable(workspace, ("scenes", "frames"))
    staged = _stage_all(source, workspace.storage, limit, list(settings), progress, skip_faulty)
    if staged.faults and not (skip_faulty and staged.parts):
        raise SourceError(_message(folder, staged.faults, skip_faulty))
    rows, rules = _replace(workspace, staged, limit, labelled)
    workspace.storage.delete_folder(f"derived/{STAGE}")
    counts = {"parts": len(staged.parts), "scenes": rows["scenes"]}
    return IngestSummary(str(folder), rows, counts, _refused(staged), rules)


@dataclass
class _Staged:
    parts: list[Derived] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    left_out: list[Fault] = field(default_factory=list)
    scene_ids: set[str] = field(default_factory=set)


def _stage_all(
    source: Source,
    storage: Storage,
    limit: int | None,
    settings: list[object],
    progress: Progress | None,
    skip_faulty: bool,
) -> _Staged:
    parts = list(source.parts())
    if not parts:
        raise SourceError("the source has no parts: nothing to read was found")
    staged = _Staged(left_out=[fault for part in parts for fault in part.left_out])
    for i, part in enumerate(parts):
        if limit is not None and len(staged.scene_ids) >= limit:
            break
        try:
            _take(staged, part, _stage(source, part, storage, settings))
        except PartError as error:
            staged.faults += error.faults
            if skip_faulty and error.rest:
                _take_rest(staged, source, part, storage, settings, error.rest)
        if progress is not None:
            progress("read", i + 1, len(parts))
    staged.faults = sorted(set(staged.faults))  # what several parts lack is told once
    return staged


def _stage(source: Source, part: Part, storage: Storage, settings: list[object]) -> Derived:
    recipe = _recipe(source, part, settings, "part")
    return find(storage, recipe) or _keep(storage, recipe, part, _read(source, part))


def _recipe(source: Source, part: Part, settings: list[object], what: str) -> Recipe:
    return Recipe(STAGE, {"files": _stamp(part)}, {what: part.name, "code": _code_of(source), "with": settings})


def _read(source: Source, part: Part) -> Tables:
    try:
        return source.read(part)
    except PartError:
        raise
    except Exception as error:  # a mistake in the source; its author asks of which part
        error.add_note(f"Part {part.name!r} was being read.")
        raise


def _take_rest(
    staged: _Staged, source: Source, part: Part, storage: Storage, settings: list[object], rest: Tables
) -> None:
    """What is right in a faulty part, under a name of its own: the part as a whole is still to be read."""
    try:
        _take(staged, part, _keep(storage, _recipe(source, part, settings, "rest of"), part, rest))
    except PartError as error:
        staged.faults += error.faults


def _keep(storage: Storage, recipe: Recipe, part: Part, tables: Tables) -> Derived:
    faults = find_part_faults(part, tables)
    if faults:
        raise PartError(faults)

    def write(aside: Storage) -> dict[str, int]:
        for name, table in tables.items():
            aside.write_table(f"{name}.parquet", table)
        return {name: table.num_rows for name, table in tables.items()}

    return derive(storage, recipe, write)


def _take(staged: _Staged, part: Part, done: Derived) -> None:
    ids = done.storage.read_table("scenes.parquet", ["scene_id"])["scene_id"].to_pylist()
    again = next((one for one in ids if one in staged.scene_ids), None)
    if again is not None:
        raise PartError.of(
            part.name, "duplicate-scene", f"scene {again!r} is in an earlier part, too; keep one of them"
        )
    staged.scene_ids.update(ids)
    if LEFT_OUT in done.manifest["rows"]:
        staged.left_out += as_faults(done.storage.read_table(f"{LEFT_OUT}.parquet"))
    staged.parts.append(done)


def _stamp(part: Part) -> str:
    """Changes when a file is written or replaced; to hash all bytes would take as long as the ingest."""
    stamps = []
    for file in part.files:
        if not file.exists():
            raise PartError.of(file, "missing-file", "the file is not there; copy it again from its source")
        status = file.stat()
        stamps.append([str(file), status.st_size, status.st_mtime_ns])
    return digest_of([part.name, *stamps])


def _code_of(source: Source) -> str:
    """A source that is being written reads its parts again after each change."""
    return digest_of(Path(inspect.getfile(type(source))).read_text())


def _replace(
    workspace: Workspace, staged: _Staged, limit: int | None, labelled: Collection[str]
) -> tuple[dict[str, int], dict[str, str]]:
    kept = _first_scenes(staged.parts, limit)
    names = list(dict.fromkeys(name for part in staged.parts for name in part.manifest["rows"] if name != LEFT_OUT))
    scenes = pa.concat_tables(_batches(staged.parts, "scenes", kept))
    labels = labels_of(scenes, labelled)
    before = _ingested(workspace.storage)
    with replacing(workspace) as lake:
        rows = {name: lake.write(name, _batches(staged.parts, name, kept)) for name in names if name != "scenes"}
        rows = {"scenes": lake.write("scenes", scenes), **rows}
        if labels is not None:
            rows["labels"] = lake.write("labels", labels)
        for name in before - set(rows):
            lake.drop(name)
        _remember(workspace.storage, before | set(rows))  # a kill while they change places loses track of none
    _remember(workspace.storage, set(rows))
    return rows, derived_rules(scenes.schema)


def _ingested(storage: Storage) -> set[str]:
    """Tables that the last ingest of a source wrote: they are of its scenes, and go with them."""
    if not storage.exists(INGESTED_FILE):
        return set()
    try:
        return {str(name) for name in json.loads(storage.read_bytes(INGESTED_FILE))["tables"]}
    except (ValueError, KeyError, TypeError):
        return set()


def _remember(storage: Storage, tables: Collection[str]) -> None:
    content = {"format": 1, "tables": sorted(tables)}
    storage.write_bytes(INGESTED_FILE, json.dumps(content).encode())


def _batches(parts: Sequence[Derived], name: str, kept: pa.Array | None) -> Iterator[pa.Table]:
    """A table of all parts in one schema: a column that a part lacks is null there."""
    having = [part.storage for part in parts if name in part.manifest["rows"]]
    file = f"{name}.parquet"
    schemas = [pq.read_schema(s.path(file), filesystem=s.fs) for s in having]
    schema = pa.unify_schemas(schemas, promote_options="permissive")
    for storage in having:
        table = storage.read_table(file)
        for missing in [f for f in schema if f.name not in table.column_names]:
            table = table.append_column(missing, pa.nulls(table.num_rows, missing.type))
        table = table.select(schema.names).cast(schema)
        yield table.filter(pc.is_in(table["scene_id"], value_set=kept)) if kept is not None else table


def _first_scenes(parts: Sequence[Derived], limit: int | None) -> pa.Array | None:
    if limit is None:
        return None
    ids = [part.storage.read_table("scenes.parquet", ["scene_id"]) for part in parts]
    return pa.concat_tables(ids)["scene_id"].combine_chunks()[:limit]


def _message(folder: Path, faults: Sequence[Fault], skip_faulty: bool) -> str:
    noun = "fault" if len(faults) == 1 else "faults"
    text = join_faults(f"{folder}: {len(faults):,} {noun}; nothing was written", faults[:SHOWN])
    more = f"\n  and {len(faults) - SHOWN:,} more" if len(faults) > SHOWN else ""
    hint = "" if skip_faulty else "\nMend them, or leave out the parts concerned with --skip-faulty"
    return text + more + hint


def _refused(staged: _Staged) -> pa.Table | None:
    """A row per fault, which may have cost a whole part, and one per kind of rows that were left out."""
    said = [(OF_SOURCE, f, 1) for f in staged.faults] + [(f.table, f, f.n_rows) for f in sorted(staged.left_out)]
    rows = [
        {"table": table, "file": f.file, "row": f.row, "reason": f"{f.message} [{f.code}]", "n_rows": n}
        for table, f, n in said
    ]
    return pa.Table.from_pylist(rows, schema=REFUSED) if rows else None
