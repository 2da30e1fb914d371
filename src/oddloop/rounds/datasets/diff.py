"""What one version of the labelled set has otherwise than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables.datasets import DATASET_CHANGES
from oddloop.lake.workspace import Workspace
from oddloop.rounds.datasets.read import CONTENT_FILE, SEGMENTS_FILE, find_dataset


@dataclass(frozen=True)
class DatasetDiff:
    """Changes from one version to another.

    Attributes:
        before: digest of the first.
        after: digest of the second.
        changes: `derived_tables.DATASET_CHANGES`, by change and scene.
        segments: segment_id, n_scenes_before, n_scenes_after, duration_s_before, duration_s_after of those that differ.
    """

    before: str
    after: str
    changes: pa.Table
    segments: pa.Table

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`."""
        return {
            "before": self.before,
            "after": self.after,
            **count_changes(self.changes),
            "changes": self.changes.to_pylist(),
            "segments": self.segments.to_pylist(),
        }


def diff_content(before: pa.Table, after: pa.Table) -> pa.Table:
    """Scenes that were added, removed or corrected: `derived_tables.DATASET_CHANGES`, by change and scene.

    Args:
        before: `scene_id` and `content` of the first version.
        after: the same of the second.

    >>> first, second = (pa.table({"scene_id": ["a", "b"], "content": c}) for c in (["1", "2"], ["1", "3"]))
    >>> diff_content(first, second).to_pylist()
    [{'scene_id': 'b', 'change': 'corrected'}]
    """
    old, new = (t.select(["scene_id", "content"]).combine_chunks() for t in (before, after))
    place = pc.index_in(new["scene_id"], value_set=old["scene_id"].combine_chunks())
    previous = old["content"].combine_chunks().take(place.combine_chunks())
    corrected = pc.fill_null(pc.not_equal(previous, new["content"].combine_chunks()), False)
    gone = pc.invert(pc.is_in(old["scene_id"], value_set=new["scene_id"].combine_chunks()))
    found = {
        "added": new["scene_id"].filter(pc.is_null(place)),
        "corrected": new["scene_id"].filter(corrected),
        "removed": old["scene_id"].filter(gone),
    }
    schema = DATASET_CHANGES.schema()
    parts = [pa.table([ids, pa.array([name] * len(ids), pa.string())], schema=schema) for name, ids in found.items()]
    return pa.concat_tables(parts).sort_by([("change", "ascending"), ("scene_id", "ascending")])


def count_changes(changes: pa.Table) -> dict[str, int]:
    """`n_added`, `n_corrected` and `n_removed` scenes."""
    kinds = changes["change"]
    return {f"n_{k}": pc.sum(pc.equal(kinds, k)).as_py() or 0 for k in ("added", "corrected", "removed")}


def diff_datasets(workspace: Workspace, before: str, after: str) -> DatasetDiff:
    """Changes between two versions.

    Args:
        workspace: the workspace.
        before: digest, the beginning of one, or a round that was trained.
        after: the same.

    Raises:
        WorkspaceError: there is no such version, or several begin so.
    """
    old, new = find_dataset(workspace, before), find_dataset(workspace, after)
    parts = [entry.folder(workspace).read_table(CONTENT_FILE) for entry in (old, new)]
    return DatasetDiff(old.digest, new.digest, diff_content(*parts), _diff_segments(workspace, old.digest, new.digest))


def _diff_segments(workspace: Workspace, before: str, after: str) -> pa.Table:
    columns = ["segment_id", "n_scenes", "duration_s"]
    old, new = (workspace.storage.read_table(f"datasets/{d}/{SEGMENTS_FILE}", columns) for d in (before, after))
    both = old.join(new, "segment_id", join_type="full outer", left_suffix="_before", right_suffix="_after")
    names = ["n_scenes_before", "n_scenes_after", "duration_s_before", "duration_s_after"]
    filled = {name: pc.fill_null(both[name], 0) for name in names}
    table = pa.table({"segment_id": both["segment_id"], **filled})
    differs = pc.or_(pc.not_equal(table[names[0]], table[names[1]]), pc.not_equal(table[names[2]], table[names[3]]))
    return table.filter(differs).sort_by("segment_id")
