"""Clusters with ids that last: each new discovery is matched with the last one, and what became of clusters recorded.

`discovery/<digest>/` keeps what matching needs, for good, since `derived/` may be deleted at any time and names may
not be lost: `members.parquet` (CLUSTER_MEMBERS with lasting ids), `ids.parquet` (the run's own ids), `events.parquet`,
`dead.parquet` (members of named clusters that are not there now, so that they can come back) and, written last,
`clustered.json`: what the ledger's `clustered` event says, which chains these folders. A killed run leaves a whole
folder or none, and the event only after it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import CLUSTER_MEMBERS
from oddloop.discover.identity import Following, follow_clusters
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage, staged_folder
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery.names import CLUSTERED, fold_names
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.state import DISCOVERY, Event

FOLDER = "discovery"
_LAST = "clustered.json"


@dataclass(frozen=True)
class Lasting:
    """Clusters of one discovery under lasting ids.

    Attributes:
        digest: names the folder.
        discover_digest: the discover stage's folder that they are of.
        members: CLUSTER_MEMBERS; one row per scene and cluster, and one for a scene in none.
        ids: `own` (the run's own id) and `cluster_id` (the lasting one).
        events: CLUSTER_EVENTS since the run before.
    """

    digest: str
    discover_digest: str
    members: pa.Table
    ids: pa.Table
    events: pa.Table


def record_clusters(workspace: Workspace, ledger: Ledger, discovered: Derived, author: Author) -> Lasting:
    """Follow the clusters of a discovery from the last one recorded, and record what became of them.

    Call it while nobody else writes to the workspace (`lake.lock.locked`). The same discovery again changes nothing.
    """
    events = ledger.events(DISCOVERY)
    head = last_clustered(events)
    if head is not None and head.payload["discover_digest"] == discovered.digest:
        return read_lasting(workspace, head)
    named = sorted(name for name, said in fold_names(events).items() if said.name)
    previous = str(head.payload["digest"]) if head else ""
    digest = digest_of([discovered.digest, previous, named])
    folder = f"{FOLDER}/{digest}"
    if not workspace.storage.exists(f"{folder}/{_LAST}"):
        workspace.storage.delete_folder(folder)
        with staged_folder(workspace.storage, folder) as out:
            payload = {"digest": digest, "previous": previous, "discover_digest": discovered.digest}
            payload |= _follow(workspace, head, discovered, named, out)
            out.write_bytes(_LAST, json.dumps(payload, indent=1, sort_keys=True).encode())
    payload = json.loads(workspace.storage.read_bytes(f"{folder}/{_LAST}"))
    event = ledger.append(DISCOVERY, CLUSTERED, payload, key=f"{len(events)}-{digest}", author=author)
    return read_lasting(workspace, event)


def last_clustered(events: list[Event]) -> Event | None:
    """The newest record of clusters, or None."""
    return next((e for e in reversed(events) if e.kind == CLUSTERED), None)


def clustered_as(events: list[Event], discover_digest: str) -> Event | None:
    """The newest record of the clusters of one discovery, or None."""
    of_it = (e for e in reversed(events) if e.kind == CLUSTERED and e.payload["discover_digest"] == discover_digest)
    return next(of_it, None)


def read_lasting(workspace: Workspace, event: Event) -> Lasting:
    """The clusters that a `clustered` event speaks of.

    Raises:
        WorkspaceError: their folder is gone, so ids and names cannot be followed.
    """
    digest = str(event.payload["digest"])
    folder = workspace.storage.sub(f"{FOLDER}/{digest}")
    if not folder.exists(_LAST):
        raise WorkspaceError(
            f"{folder.url}: gone, and the ledger speaks of it: clusters cannot keep their ids and names without it; "
            "bring the folder back from a backup"
        )
    tables = (folder.read_table(f"{name}.parquet") for name in ("members", "ids", "events"))
    return Lasting(digest, str(event.payload["discover_digest"]), *tables)


def _follow(
    workspace: Workspace, head: Event | None, discovered: Derived, named: list[str], out: Storage
) -> dict[str, Any]:
    """Write what matching found; returns what the ledger says of it."""
    new = discovered.storage.read_table("cluster_members.parquet")
    old, dead = CLUSTER_MEMBERS.empty(), CLUSTER_MEMBERS.empty()
    if head is not None:
        before = read_lasting(workspace, head)
        old = before.members
        dead = workspace.storage.sub(f"{FOLDER}/{before.digest}").read_table("dead.parquet")
    number = int(head.payload["next_number"]) if head else 1
    known = pa.concat_tables([old, dead])
    found = follow_clusters(known, dead["cluster_id"].unique(), new, number)
    own = list(found.ids)
    ids = pa.table({"own": pa.array(own, pa.string()), "cluster_id": pa.array(list(found.ids.values()), pa.string())})
    # By scene, so that the row groups of a scene are found by their statistics.
    out.write_table("members.parquet", rename_clusters(new, ids).sort_by([("scene_id", "ascending")]))
    out.write_table("ids.parquet", ids)
    out.write_table("dead.parquet", _still_dead(known, set(found.ids.values()), named))
    out.write_table("events.parquet", found.events)
    return _told(found)


def rename_clusters(table: pa.Table, ids: pa.Table) -> pa.Table:
    """A table whose `cluster_id` is the run's own, with lasting ids in its place."""
    at = pc.index_in(table["cluster_id"], value_set=ids["own"].combine_chunks())
    lasting = ids["cluster_id"].combine_chunks().take(at.combine_chunks() if isinstance(at, pa.ChunkedArray) else at)
    return table.set_column(table.schema.get_field_index("cluster_id"), "cluster_id", lasting)


def _still_dead(known: pa.Table, alive: set[str], named: list[str]) -> pa.Table:
    """Members of named clusters that the new run does not have."""
    gone = pa.array(sorted(set(named) - alive), pa.string())
    return known.filter(pc.is_in(known["cluster_id"], value_set=gone))


def _told(found: Following) -> dict[str, Any]:
    counts = {row["values"]: row["counts"] for row in found.events["event"].value_counts().to_pylist()}
    changed = pc.is_in(found.events["event"], value_set=pa.array(["split", "merged", "died", "revived"]))
    return {
        "n_clusters": len(found.ids),
        "next_number": found.next_number,
        "counts": counts,
        "changes": found.events.filter(changed).to_pylist(),
    }
