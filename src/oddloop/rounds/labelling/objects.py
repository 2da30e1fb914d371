"""Delivered objects in `lake/objects`: a file per round, `received-<round_id>.parquet`, replaced whole each time.

So a scene's new version takes the old one's place in one rename, and the table has as many files as rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.errors import LabellingError
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.labelling.finished import OBJECTS_SCHEMA, FinishedScene
from oddloop.rounds.labelling.prepare import read_rows
from oddloop.tables import OBJECTS

_KEY = [("frame_id", "ascending"), ("object_id", "ascending")]
RECEIVED = "received-"


def stored_objects(workspace: Workspace, scenes: Sequence[FinishedScene]) -> dict[str, pa.Table]:
    """What earlier deliveries said of these scenes, by scene; an empty table where they said nothing.

    Raises:
        LabellingError: a scene has objects that no delivery brought, which stay as they are.
    """
    ids = [scene.scene_id for scene in scenes]
    files = workspace.table("objects")
    mine = [f for f in files.files if f.rpartition("/")[2].startswith(RECEIVED)]
    others = [f for f in files.files if f not in mine]
    foreign = read_rows(TableFiles(files.name, files.storage, tuple(others)), OBJECTS, ids) if others else None
    if foreign is not None and foreign.num_rows:
        strange = sorted(set(foreign["scene_id"].to_pylist()))
        raise LabellingError(
            f"{files.storage.url}: {len(strange)} delivered scenes have objects already that came otherwise, first "
            f"{strange[0]!r}; remove those rows, or deliver only which scenes are labelled, as a CSV with scene_id"
        )
    rows = (
        read_rows(TableFiles(files.name, files.storage, tuple(mine)), OBJECTS, ids)
        if mine
        else OBJECTS_SCHEMA.empty_table()
    )
    rows = rows.select(OBJECTS_SCHEMA.names).cast(OBJECTS_SCHEMA)
    return {name: rows.filter(pc.equal(rows["scene_id"], name)) for name in ids}


def is_same(scene: FinishedScene, stored: pa.Table) -> bool:
    """Whether a scene's objects are those that are stored, in whatever order."""
    return bool(scene.table().sort_by(_KEY).equals(stored.combine_chunks().sort_by(_KEY)))


def write_objects(workspace: Workspace, scenes: Sequence[FinishedScene]) -> None:
    """Put scenes' objects into the files of their rounds, in place of what those had of them."""
    by_round: dict[str, list[FinishedScene]] = {}
    for scene in scenes:
        by_round.setdefault(scene.round_id, []).append(scene)
    for round_id, mine in by_round.items():
        _write_round(workspace, round_id, mine)


def _write_round(workspace: Workspace, round_id: str, scenes: Sequence[FinishedScene]) -> None:
    storage, file = workspace.table("objects").storage, f"{RECEIVED}{round_id}.parquet"
    before = storage.read_table(file) if storage.exists(file) else OBJECTS_SCHEMA.empty_table()
    ids = pa.array([scene.scene_id for scene in scenes], pa.string())
    kept = before.filter(pc.invert(pc.is_in(before["scene_id"], value_set=ids)))
    rows = pa.concat_tables([kept, *(scene.table() for scene in scenes)]).sort_by([("scene_id", "ascending"), *_KEY])
    if not rows.num_rows and not storage.exists(file):
        return
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    storage.write_bytes(file, bytes(sink.getvalue()))


def replace_costs(workspace: Workspace, costs: Mapping[str, float | None]) -> None:
    """Correct the cost of scenes in `labels`, file by file; all else of their rows stays."""
    files = workspace.table("labels")
    names = pa.array(list(costs), pa.string())
    values = pa.array(list(costs.values()), pa.float64())
    for file in files.files:
        table = files.storage.read_table(file)
        places = pc.index_in(table["scene_id"].combine_chunks().cast(pa.string()), value_set=names)
        if places.null_count == len(places):
            continue
        cost = pc.if_else(pc.is_valid(places), values.take(places), table["cost"].cast(pa.float64()))
        table = table.set_column(table.column_names.index("cost"), "cost", cost)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        files.storage.write_bytes(file, bytes(sink.getvalue()))
