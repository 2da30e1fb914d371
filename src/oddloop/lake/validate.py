"""Look at every input table of a workspace and report all faults at once; nothing is changed.

Each file is read once for its values, in batches, and its key columns once more per question about the whole table
(duplicates, references, order). Time grows with the rows. Memory stays at one batch for the values and, for keys and
references, at `checks.relations.MEMORY_LIMIT`, beyond which DuckDB spills to a temporary folder. On two cores, 1 M
frames with as many rows of classification (5 members) and of detection (10 M boxes) took 4 s and 0.5 GB, 10 M of each
45 s and 1.8 GB.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from oddloop.errors import Fault
from oddloop.lake.checks import keys, times
from oddloop.lake.checks.cures import CURES
from oddloop.lake.checks.folders import Listed, fault, list_tables, place_of
from oddloop.lake.checks.relations import CheckedTable, Relations, open_relations
from oddloop.lake.checks.schema import judge_mix
from oddloop.lake.checks.suite import checks_of, wanted_columns
from oddloop.lake.checks.tallies import judge_tallies
from oddloop.lake.checks.values import CheckedFile, check_file
from oddloop.lake.workspace import Workspace
from oddloop.tables import FEATURES, FRAMES, HEADS, LABELS, METRICS, RISK, SCENES, TRACKS, TRAJECTORY, TableSpec

__all__ = ["CURES", "find_faults"]


READ_WHOLE = (SCENES, FEATURES, HEADS, METRICS, LABELS)
"""Tables whose files are joined when they are read, so that their columns must have types that fit together."""
TOGETHER = {TRAJECTORY.name: ("frame_id",), RISK.name: ("frame_id",), TRACKS.name: ("scene_id", "frame_id")}
"""Columns by which rows must stand together, since they are scored together."""


def find_faults(workspace: Workspace, *, on_table: Callable[[str], None] | None = None) -> list[Fault]:
    """All faults of all tables in the lake, sorted by table, file and row.

    Faults are grouped: one per file, code and column, with the first row and the number of rows concerned. Orphans are
    looked for only where every file of the table that is referred to could be read.

    Args:
        workspace: the workspace; no file of it is written.
        on_table: called with the name of each table before it is read.
    """
    listed, faults = list_tables(workspace)
    kept: dict[str, CheckedTable] = {}
    with open_relations(workspace.config.engine.workers or os.cpu_count() or 1) as relations:
        for one in listed:
            if on_table is not None:
                on_table(one.files.name)
            table = _check_values(workspace, one)
            _check_relations(relations, table, kept)
            faults += _faults_of(table)
    return sorted(faults)


def _check_values(workspace: Workspace, one: Listed) -> CheckedTable:
    config = workspace.config
    wanted, checks = wanted_columns(one.spec, config), checks_of(one.spec, config)
    place = place_of(workspace, one.files.storage)
    files = [CheckedFile(one.files.storage, file, f"{place}/{file}") for file in one.files.files]
    for file in files:
        check_file(file, wanted, checks, one.spec.batch_rows or config.engine.batch_rows)
    judge_tallies([file.notes for file in files])
    if one.spec in READ_WHOLE:
        own = [column.name for column in one.spec.columns]
        judge_mix([(file.place, file.schema, file.notes) for file in files if file.schema is not None], own)
    return CheckedTable(one.files.name, one.spec, files)


def _check_relations(relations: Relations, table: CheckedTable, kept: dict[str, CheckedTable]) -> None:
    keys.find_duplicates(relations, table, *_key_of(table.spec))
    if table.spec is SCENES and table.has("scene_id"):
        kept[table.name] = table
        keys.keep_scenes(relations, table)
        times.find_overlaps(relations, table)
        times.find_leaks(relations, table)
        return
    scenes, frames = kept.get(SCENES.name), kept.get(FRAMES.name)
    if scenes is not None and scenes.is_whole("scene_id"):
        keys.find_orphans(relations, table)
    if frames is not None:
        keys.find_strange_frames(relations, table, frames)
    if table.spec is FRAMES and table.has("frame_id"):
        kept[table.name] = table
        keys.keep_frames(relations, table)
        times.check_times(relations, table, with_scenes=scenes is not None)
    for column in TOGETHER.get(table.spec.name, ()):
        keys.find_apart(relations, table, column)


def _key_of(spec: TableSpec) -> tuple[list[str], list[str]]:
    """Columns of the key that must be there, and those that may be absent or null."""
    key = spec.key if spec is not FEATURES else ("scene_id", "frame_id")
    required = {column.name for column in spec.required()}
    return [name for name in key if name in required], [name for name in key if name not in required]


def _faults_of(table: CheckedTable) -> list[Fault]:
    faults = [
        fault(table.name, code, note.what, file=file.place, row=note.row, n_rows=note.n_rows)
        for file in table.files
        for (code, _), note in file.notes.groups.items()
    ]
    if table.spec is SCENES and all(file.schema is not None and not file.n_rows for file in table.files):
        faults.append(fault(table.name, "empty-table", "the table has no rows"))
    return faults
