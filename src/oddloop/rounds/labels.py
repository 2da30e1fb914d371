"""Labels coming back: which scenes now have labels, for which round, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.replace import refuse_unwritable
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.required import refuse_unreviewed
from oddloop.rounds.state import RoundState
from oddloop.tables import LABELS, SCENES, is_compatible


@dataclass(frozen=True)
class Receipt:
    """What a delivery of labels held.

    Attributes:
        n_new: scenes that had no labels before.
        n_known: scenes that had labels already; they are left as they are.
        file: the file that was added to `lake/labels`, or "" where nothing was new.
    """

    n_new: int
    n_known: int
    file: str


def receive_labels(workspace: Workspace, delivery: pa.Table, state: RoundState | None, *, at_ns: int) -> Receipt:
    """Add delivered scenes to the `labels` table; the same delivery twice adds nothing.

    Args:
        workspace: the workspace.
        delivery: `scene_id`, and optionally `cost` (in the workspace's cost unit; null where unknown).
        state: the open round; picks of it are labelled for it, other scenes for no round.
        at_ns: when the labels arrived.

    Raises:
        TableError: scene_id is missing, null, twice, or not in `scenes`; or a cost is not a number of 0 or more.
        WorkspaceError: `labels` lies outside the workspace.
        LedgerError: `[review] required` is set, and a pick among them is not reviewed yet.
    """
    refuse_unwritable(workspace, ["labels"])
    _refuse_bad(workspace, delivery)
    refuse_unreviewed(workspace, state, delivery["scene_id"].to_pylist(), "labelled")
    known = read_table(workspace.table("labels"), LABELS, ["scene_id"])["scene_id"]
    fresh = delivery.filter(pc.invert(pc.is_in(delivery["scene_id"], value_set=known.combine_chunks())))
    n_known = delivery.num_rows - fresh.num_rows
    if not fresh.num_rows:
        return Receipt(0, n_known, "")
    table = _as_labels(fresh, state, at_ns)
    return Receipt(table.num_rows, n_known, _add_file(workspace, table))


def count_labelled(workspace: Workspace, scene_ids: Sequence[str]) -> tuple[int, float | None]:
    """How many of the scenes have labels, and their real cost: None where no cost is recorded for one of them."""
    labels = read_table(workspace.table("labels"), LABELS, ["scene_id", "cost"])
    mine = labels.filter(pc.is_in(labels["scene_id"], value_set=pa.array(scene_ids, pa.string())))
    # A scene that two files name is one scene, and was paid once.
    once = mine.group_by("scene_id", use_threads=False).aggregate([("cost", "max")])["cost_max"]
    cost = None if once.null_count or not len(once) else float(pc.sum(once).as_py())
    return len(once), cost


def count_awaited(workspace: Workspace, state: RoundState) -> int:
    """How many picks of a round still wait for labels; those that annotators left without are not waited for."""
    return len(state.awaited_ids) - count_labelled(workspace, state.awaited_ids)[0]


def _as_labels(fresh: pa.Table, state: RoundState | None, at_ns: int) -> pa.Table:
    picked = pa.array([p["scene_id"] for p in state.picks] if state else [], pa.string())
    is_pick = pc.is_in(fresh["scene_id"], value_set=picked)
    round_ids = pc.if_else(is_pick, pa.scalar(state.round_id if state else None, pa.string()), None)
    n = fresh.num_rows
    cost = fresh["cost"].cast(pa.float64()) if "cost" in fresh.column_names else pa.nulls(n, pa.float64())
    at = pa.array([at_ns] * n, pa.int64())
    return pa.table([fresh["scene_id"], at, round_ids, cost], schema=LABELS.schema())


def _add_file(workspace: Workspace, table: pa.Table) -> str:
    # Named by its scenes, so that a repeated delivery can never become a second file.
    name = f"received-{digest_of(sorted(table['scene_id'].to_pylist()))[:16]}.parquet"
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink, compression="zstd")
    workspace.table("labels").storage.write_bytes(name, bytes(sink.getvalue()))
    return name


def _refuse_bad(workspace: Workspace, delivery: pa.Table) -> None:
    if "scene_id" not in delivery.column_names:
        raise TableError(f"delivered labels: column `scene_id` is missing; it has: {', '.join(delivery.column_names)}")
    ids = delivery["scene_id"].combine_chunks()
    if not is_compatible(ids.type, pa.string()):
        raise TableError(f"delivered labels: `scene_id` is {ids.type}; deliver it as text, as `scenes` has it")
    if ids.null_count or len(ids.unique()) != len(ids):
        raise TableError("delivered labels: a scene_id is null or twice; deliver each scene once")
    known = read_table(workspace.table("scenes"), SCENES, ["scene_id"])["scene_id"].combine_chunks()
    strange = ids.filter(pc.invert(pc.is_in(ids, value_set=known)))
    if len(strange):
        raise TableError(f"delivered labels: {len(strange)} scenes are not in `scenes`, first {strange[0].as_py()!r}")
    cost = delivery["cost"] if "cost" in delivery.column_names else pa.nulls(0, pa.float64())
    if not pa.types.is_null(cost.type) and pc.any(pc.or_(pc.less(cost, 0), pc.invert(pc.is_finite(cost)))).as_py():
        raise TableError("delivered labels: a cost is negative or not finite; leave it null where it is unknown")
