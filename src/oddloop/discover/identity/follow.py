"""What became of each cluster between two runs, and under which id it goes on.

The events of MONIC (Spiliopoulou et al., KDD 2006), on the scenes that both runs have:

- survived: at least half (Jaccard) of old and new together is common; the id goes on.
- split: it did not survive, or a part of it left; each part holds a quarter of the old cluster and consists for the
  most part of it.
- merged: it did not survive, and at least half of it lies in one new cluster.
- died: none of these; its scenes are in no cluster, or scattered, or gone.
- emerged: a new cluster that no event above explains.
- revived: a cluster that had died is there again.

Time and memory grow with memberships and overlapping pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csr_array

from oddloop.derived_tables import CLUSTER_EVENTS
from oddloop.discover.identity.matching import pair_up
from oddloop.discover.identity.overlap import Overlap, count_overlap
from oddloop.ids import Ids, id_array

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Following:
    """Clusters of a new run with lasting ids.

    Attributes:
        ids: lasting id by the new run's own id.
        events: CLUSTER_EVENTS: one row per old cluster at least, and one per cluster that emerged.
        next_number: number of the next cluster that needs an id.
    """

    ids: dict[str, str]
    events: pa.Table
    next_number: int


def follow_clusters(
    old: pa.Table, dead: Ids, new: pa.Table, next_number: int, *, survive: float = 0.5, part: float = 0.25
) -> Following:
    """Give the clusters of a new run the ids of the old clusters that they are.

    Args:
        old: CLUSTER_MEMBERS of the last run with lasting ids, and of clusters that died before but are remembered.
        dead: ids in `old` that were dead already.
        new: CLUSTER_MEMBERS of the new run with its own ids.
        next_number: number of the first new id.
        survive: least Jaccard overlap, on scenes of both runs, at which a cluster is the same; in (0, 1].
        part: least share of an old cluster that counts as a part of it; in (0, 1].

    Returns:
        lasting ids and events. The first run, with an empty `old`, has only clusters that emerged. Ids of new clusters
        are given by falling size, then by smallest scene, so that the order of rows changes nothing.

    >>> old = pa.table({"scene_id": list("abcdefgh"), "cluster_id": ["c0001"] * 4 + ["c0002"] * 4})
    >>> new = pa.table({"scene_id": list("abcdefgh"), "cluster_id": list("xxxyyzz") + [None]})
    >>> result = follow_clusters(old, [], new, 3)
    >>> result.ids
    {'x': 'c0001', 'z': 'c0002', 'y': 'c0003'}
    >>> [(e["event"], e["cluster_id"], e["into"]) for e in result.events.to_pylist()]
    [('survived', 'c0001', ['c0001']), ('survived', 'c0002', ['c0002']), ('emerged', 'c0003', [])]
    """
    overlap = count_overlap(old, new)
    partner = pair_up(overlap.jaccard(), survive)
    ids = {overlap.new_ids[k]: overlap.old_ids[o] for k, o in enumerate(partner) if o >= 0}
    fresh = [name for name in _by_size(new) if name not in ids]
    ids |= {name: f"c{number:04d}" for number, name in enumerate(fresh, start=next_number)}
    events = _Events(overlap, partner, ids, set(id_array(dead).to_pylist()), part)
    return Following(ids, events.table(), next_number + len(fresh))


def _by_size(members: pa.Table) -> list[str]:
    """Cluster ids by falling size, then by their smallest scene."""
    inside = members.filter(pc.is_valid(members["cluster_id"]))
    sizes = inside.group_by("cluster_id").aggregate([("scene_id", "count_distinct"), ("scene_id", "min")])
    order = [("scene_id_count_distinct", "descending"), ("scene_id_min", "ascending"), ("cluster_id", "ascending")]
    return [str(name) for name in sizes.sort_by(order)["cluster_id"].to_pylist()]


class _Events:
    """The events of one pair of runs."""

    def __init__(self, overlap: Overlap, partner: Ints, ids: dict[str, str], dead: set[str], part: float) -> None:
        self.overlap, self.ids, self.dead, self.part = overlap, ids, dead, part
        self.heir = {int(o): k for k, o in enumerate(partner) if o >= 0}
        self.heirs = set(self.heir.values())
        self.explained = set(self.heirs)

    def table(self) -> pa.Table:
        """CLUSTER_EVENTS, old clusters first, each group in the order of ids."""
        rows = list(chain.from_iterable(self._of_old(o) for o in range(len(self.overlap.old_ids))))
        emerged = [(self.ids[name], k) for k, name in enumerate(self.overlap.new_ids) if k not in self.explained]
        rows += [
            self._event("emerged", lasting, [], 0, int(self.overlap.new_size[k])) for lasting, k in sorted(emerged)
        ]
        return pa.Table.from_pylist(rows, schema=CLUSTER_EVENTS.schema())

    def _of_old(self, o: int) -> list[dict[str, object]]:
        name, heir = self.overlap.old_ids[o], self.heir.get(o)
        parts = self._parts(o)
        if name in self.dead:
            return [] if heir is None else [self._event("revived", name, [heir], o, self._common(o, heir))]
        rows = []
        if heir is not None:
            rows.append(self._event("survived", name, [heir], o, self._common(o, heir)))
        elif not parts:
            rows.append(self._end(o))
        if parts:
            self.explained |= set(parts)
            rows.append(self._event("split", name, parts, o, sum(self._common(o, k) for k in parts)))
        return rows

    def _parts(self, o: int) -> list[int]:
        """New clusters, other than the heir of any, that came for the most part from this one; largest first.

        One that lies in the heir, or in a larger part, is a finer layer of it and no part of its own.
        """
        columns, common = _row(self.overlap.common, o)
        enough = (common >= self.part * self.overlap.old_size[o]) & (2 * common > self.overlap.new_size[columns])
        order = np.lexsort((columns, -common))
        parts: list[int] = []
        whole = [self.heir[o]] if o in self.heir else []
        for k in (int(columns[i]) for i in order if enough[i]):
            if k not in self.heirs and not self._is_nested(k, whole + parts):
                parts.append(k)
        return parts

    def _is_nested(self, k: int, larger: list[int]) -> bool:
        columns, common = _row(self.overlap.within, k)
        return any(2 * int(common[columns == one].sum()) > self.overlap.new_size[k] for one in larger)

    def _end(self, o: int) -> dict[str, object]:
        """Merged into the smallest new cluster that holds half of it, or died."""
        columns, common = _row(self.overlap.common, o)
        holders = columns[2 * common >= self.overlap.old_size[o]]
        name = self.overlap.old_ids[o]
        if not len(holders):
            return self._event("died", name, [], o, 0)
        into = int(holders[np.lexsort((holders, self.overlap.new_size[holders]))[0]])
        self.explained.add(into)
        return self._event("merged", name, [into], o, self._common(o, into))

    def _common(self, o: int, k: int) -> int:
        columns, common = _row(self.overlap.common, o)
        return int(common[columns == k].sum())

    def _event(self, event: str, cluster_id: str, into: list[int], o: int, n_common: int) -> dict[str, object]:
        emerged = event == "emerged"
        size = 0 if emerged else int(self.overlap.old_size[o])
        names = [self.ids[self.overlap.new_ids[k]] for k in into]
        return {
            "event": event,
            "cluster_id": cluster_id,
            "into": names,
            "n_before": size,
            "n_common": n_common,
            "text": _sentence(event, cluster_id, names, size, n_common),
        }


def _row(matrix: csr_array, i: int) -> tuple[Ints, Ints]:
    span = slice(matrix.indptr[i], matrix.indptr[i + 1])
    return matrix.indices[span].astype(np.int64), matrix.data[span]


def _sentence(event: str, name: str, into: list[str], size: int, common: int) -> str:
    kept = f"{common:,} of its {size:,} scenes that are in both runs"
    others = ", ".join(into)
    match event:
        case "survived":
            return f"{name} goes on with {kept}"
        case "revived":
            return f"{name} is there again, with {kept}"
        case "split":
            return f"{name} split: {kept} are in {others}"
        case "merged":
            return f"{name} merged: {kept} are in {others}"
        case "emerged":
            return f"{name} is new; {common:,} of its scenes were there before and in no such cluster"
        case _:
            gone = "none of its scenes is in this run" if not size else f"its {size:,} scenes are in no one cluster now"
            return f"{name} died: {gone}"
