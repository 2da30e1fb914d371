"""Write down a version of the labelled set, before anything is trained on it."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage import encode_attributes
from oddloop.coverage.exposure import compute_exposure
from oddloop.derived_tables.datasets import DATASET_SEGMENTS
from oddloop.engine import Engine
from oddloop.lake.formats import tag_snapshot
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage, staged_folder
from oddloop.lake.workspace import Workspace
from oddloop.rounds.datasets.content import dataset_digest, read_content
from oddloop.rounds.datasets.diff import count_changes, diff_content
from oddloop.rounds.datasets.read import (
    CHANGES_FILE,
    CONTENT_FILE,
    DATASET_FORMAT,
    FOLDER,
    MANIFEST,
    SEGMENTS_FILE,
    entries_of,
    read_dataset_manifest,
)
from oddloop.rounds.ledger import Ledger
from oddloop.tables import SCENES

_SOURCES = ("labels", "objects")
"""Tables that a version's content is read from."""


def record_dataset(
    workspace: Workspace, ledger: Ledger, engine: Engine, round_id: str, labelled: pa.Table
) -> dict[str, Any]:
    """Write `datasets/<digest>/` where it is not there yet, and return the record that goes into the ledger.

    Args:
        workspace: the workspace.
        ledger: says which version was the last one.
        engine: reads the objects.
        round_id: the round whose labels are in.
        labelled: scene_id, log_id, round_id and cost of the scenes, sorted by scene_id.

    Returns:
        digest, parent, path, and counts: n_scenes, n_logs, n_added, n_corrected, n_removed against the parent; sources:
        the version of each table that is Delta or Iceberg.

    Raises:
        TableError: `labels`, `objects` or an attribute's column cannot be read.
    """
    content = read_content(workspace, engine, labelled)
    digest = dataset_digest(content)
    parent = _parent(ledger, digest)
    changes = diff_content(_content_of(workspace, parent), content)
    folder = f"{FOLDER}/{digest}"
    record = {
        "digest": digest,
        "parent": parent,
        "path": folder,
        "n_scenes": content.num_rows,
        "n_logs": len(content["log_id"].unique()),
        **count_changes(changes),
        "sources": {name: s.to_json() for name in _SOURCES if (s := workspace.snapshot(name)) is not None},
    }
    if read_dataset_manifest(workspace.storage.sub(folder)) is None:
        workspace.storage.delete_folder(folder)
        with staged_folder(workspace.storage, folder) as out:
            _write(workspace, out, {**record, "round_id": round_id}, content, changes)
    return record


def tag_sources(workspace: Workspace, record: dict[str, Any], round_id: str) -> list[str]:
    """Have Delta and Iceberg tables remember that this version was read from them; pointers to what was tagged.

    Args:
        workspace: says in `[datasets] tag` whether to.
        record: what `record_dataset` returned.
        round_id: the round.

    Raises:
        WorkspaceError: a table cannot be written to.
    """
    found = [s for name in _SOURCES if (s := workspace.snapshot(name)) is not None]
    for snapshot in found if workspace.config.datasets.tag else ():
        facts = {"dataset": record["digest"], "round": round_id, "n_scenes": str(record["n_scenes"])}
        tag_snapshot(snapshot, f"oddloop-{round_id}-{record['digest'][:8]}", facts)
    return [snapshot.pointer for snapshot in found] if workspace.config.datasets.tag else []


def _write(workspace: Workspace, out: Storage, record: dict[str, Any], content: pa.Table, changes: pa.Table) -> None:
    segments = _segments(workspace, content["scene_id"].combine_chunks())
    for file, table in ((CONTENT_FILE, content), (CHANGES_FILE, changes), (SEGMENTS_FILE, segments)):
        out.write_table(file, table)
    cost = content["cost"]
    manifest = {
        "format": DATASET_FORMAT,
        **{name: value for name, value in record.items() if name != "path"},
        "n_objects": pc.sum(content["n_objects"]).as_py() or 0,
        "duration_s": segments["duration_s"][0].as_py() if segments.num_rows else 0.0,
        "cost": None if cost.null_count else pc.sum(cost).as_py(),
        "cost_unit": workspace.config.cost.unit,
        "segments": segments.to_pylist(),
    }
    out.write_bytes(MANIFEST, json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode())


def _parent(ledger: Ledger, digest: str) -> str | None:
    """The version before: the last recorded one, or its own parent where it is this very version again."""
    entries = entries_of(ledger)
    if not entries:
        return None
    return entries[-1].parent if entries[-1].digest == digest else entries[-1].digest


def _content_of(workspace: Workspace, digest: str | None) -> pa.Table:
    if digest is None:
        return pa.table({"scene_id": pa.array([], pa.string()), "content": pa.array([], pa.string())})
    return workspace.storage.read_table(f"{FOLDER}/{digest}/{CONTENT_FILE}", ["scene_id", "content"])


def _segments(workspace: Workspace, ids: pa.Array) -> pa.Table:
    """`derived_tables.DATASET_SEGMENTS`: the total first, then each value of each attribute."""
    scenes = read_table(workspace.table("scenes"), SCENES)
    mine = scenes.filter(pc.is_in(scenes["scene_id"], value_set=ids)).combine_chunks()
    exposure = compute_exposure(mine, ids, encode_attributes(mine, workspace.config.attributes), max_way=1)
    names = DATASET_SEGMENTS.schema().names
    return exposure.filter(pc.equal(exposure["status"], "labelled")).select(names).cast(DATASET_SEGMENTS.schema())
