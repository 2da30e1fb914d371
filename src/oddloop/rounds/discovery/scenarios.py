"""Named scenarios as an attribute of scenes: the value that coverage counts, selection reserves and search finds."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery.lasting import FOLDER, last_clustered
from oddloop.rounds.discovery.names import fold_names
from oddloop.rounds.state import Event

NOISE = "noise"


def read_scenarios(workspace: Workspace, events: list[Event]) -> pa.Table | None:
    """Scenes of named scenarios.

    Args:
        workspace: the workspace.
        events: the ledger's events of `state.DISCOVERY`.

    Returns:
        `scene_id` and `scenario` (list of names), one row per scene that is in any, sorted by scene_id; None where
        nothing is named, or what was named is called noise. Clusters that died keep the scenes that they last had.
    """
    head = last_clustered(events)
    names = {s.cluster_id: s.name for s in fold_names(events).values() if s.name and s.status != NOISE}
    if head is None or not names:
        return None
    folder = workspace.storage.sub(f"{FOLDER}/{head.payload['digest']}")
    members = pa.concat_tables([folder.read_table("members.parquet"), folder.read_table("dead.parquet")])
    at = pc.index_in(members["cluster_id"], value_set=pa.array(list(names), pa.string()))
    named = members.filter(pc.is_valid(at))
    scenario = pa.array(list(names.values()), pa.string()).take(at.drop_null().combine_chunks())
    pairs = pa.table({"scene_id": named["scene_id"], "scenario": scenario}).group_by(["scene_id", "scenario"])
    unique = pairs.aggregate([]).sort_by([("scene_id", "ascending"), ("scenario", "ascending")])
    lists = unique.group_by("scene_id", use_threads=False).aggregate([("scenario", "list")])
    return lists.rename_columns(["scene_id", "scenario"]) if lists.num_rows else None
