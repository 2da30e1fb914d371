"""Find scenes: by attribute, score, cluster, scenario, words, labels, by example or by vector; all at once.

Conditions are met first; then the scenes that meet them are ordered: by likeness where examples are given, else by how
telling the words are, else by scene_id. Up to `search.MOST_EXACT` scenes every one is looked at; beyond that an index
is built once per discovery and kept below `derived/index/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import row_of, vector_matrix
from oddloop.discover.search import MOST_EXACT, NearIndex, build_index, find_similar, match_text
from oddloop.errors import TableError, WorkspaceError
from oddloop.ids import id_array
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery.conditions import keep_scores, keep_values, searched_columns
from oddloop.rounds.discovery.read import Discovery

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SceneQuery:
    """What is looked for; everything that is given must hold.

    Attributes:
        where: values by attribute, one of which a scene must have.
        scores: conditions such as `detection_entropy_sum_max > 2.5`.
        cluster: cluster id; "" for any.
        scenario: name of a scenario; "" for any.
        text: words that must all be found; see `discover.search.match_text`.
        labelled: whether the scene must, or must not, have labels; None for either.
        like, unlike: scene ids of positive and negative examples.
        vector: a further positive example, as a vector of the workspace's own basis.
        limit: scenes wanted, at most.
    """

    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scores: tuple[str, ...] = ()
    cluster: str = ""
    scenario: str = ""
    text: str = ""
    labelled: bool | None = None
    like: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    vector: tuple[float, ...] = ()
    limit: int = 20


@dataclass(frozen=True)
class Lookup:
    """Where scenes are looked up: the discovery, and what the stages know of scenes.

    Attributes:
        workspace: the workspace.
        discovery: clusters with lasting ids and names.
        discovered: the discover stage's folder.
        values: scene_id, `labelled` and a column per attribute: every scene, in the order of the answer's ties.
        scores: SCENE_SCORES.
    """

    workspace: Workspace
    discovery: Discovery
    discovered: Derived
    values: pa.Table
    scores: pa.Table


def find_scenes(lookup: Lookup, query: SceneQuery) -> pa.Table:
    """Find scenes.

    Returns:
        scene_id, labelled, cluster_ids, and a column per attribute; with examples also `distance` to the nearest
        positive one, `nearest` (which that is) and `relevance` (null without negative ones). Best first.

    Raises:
        TableError, WorkspaceError: an attribute, value, score, cluster, scenario or example is not known, or an
            example has no vector; what there is is named.
    """
    values = lookup.values.sort_by("scene_id")
    ids = id_array(values["scene_id"])
    keep = keep_values(values, query.where) & keep_scores(ids, lookup.scores, query.scores)
    keep &= _in_clusters(lookup, ids, query)
    if query.labelled is not None:
        keep &= values["labelled"].to_numpy() == query.labelled
    if query.text:
        matches, telling = match_text(searched_columns(lookup.discovery, values, ids), query.text, len(ids))
        keep &= matches
    if query.like or query.vector:
        return _by_example(lookup, query, values, keep)
    if query.unlike:
        raise TableError("`unlike` needs `like`: say what the scenes should be like, too")
    order = np.flatnonzero(keep)
    if query.text:
        order = order[np.argsort(-telling[order], kind="stable")]
    return _answer(lookup, values, order[: query.limit])


def _in_clusters(lookup: Lookup, ids: pa.Array, query: SceneQuery) -> Bools:
    keep = np.ones(len(ids), dtype=bool)
    wanted = [[query.cluster]] if query.cluster else []
    if query.scenario:
        named = [s.cluster_id for s in lookup.discovery.names.values() if s.name == query.scenario]
        if not named:
            known = ", ".join(sorted({s.name for s in lookup.discovery.names.values() if s.name})) or "none yet"
            raise WorkspaceError(f"scenario {query.scenario!r} is not known; named: {known}")
        wanted.append(named)
    members = lookup.discovery.lasting.members
    for clusters in wanted:
        inside = members.filter(pc.is_in(members["cluster_id"], value_set=pa.array(clusters, pa.string())))
        if not inside.num_rows:
            raise WorkspaceError(f"cluster {clusters[0]!r} has no scenes now; `oddloop discover` lists what is there")
        found = pc.is_in(ids, value_set=id_array(inside["scene_id"])).to_numpy(zero_copy_only=False)
        keep &= found
    return keep


def _by_example(lookup: Lookup, query: SceneQuery, values: pa.Table, keep: Bools) -> pa.Table:
    table = lookup.discovered.storage.read_table("scene_vectors.parquet").sort_by("scene_id")
    vectors, vector_ids = vector_matrix(table["vector"].combine_chunks())[0], id_array(table["scene_id"])
    ids = id_array(values["scene_id"])
    rows, found = row_of(ids, vector_ids)
    among = np.flatnonzero(found & keep[rows])
    positives = vectors[_rows_of(vector_ids, query.like)].astype(np.float64)
    if query.vector:
        if len(query.vector) != vectors.shape[1]:
            raise TableError(f"the vector has {len(query.vector)} numbers; this workspace's have {vectors.shape[1]}")
        positives = np.vstack([positives, np.array([query.vector])])
    negatives = vectors[_rows_of(vector_ids, query.unlike)]
    examples = _rows_of(vector_ids, (*query.like, *query.unlike))
    among = np.setdiff1d(among, examples)  # nobody looks for what they hold in their hands
    if len(among) > MOST_EXACT:
        near = _index(lookup, vectors).near(positives, 50 * query.limit)
        among = np.intersect1d(among, near) if len(near) else among
    similar = find_similar(vectors, positives, negatives, k=query.limit, rows=among)
    names = np.array([*query.like, *(["the vector"] if query.vector else [])], dtype=object)
    answer = _answer(lookup, values, rows[similar.rows])
    answer = answer.append_column("distance", pa.array(similar.distance))
    answer = answer.append_column("nearest", pa.array(names[similar.nearest], pa.string()))
    return answer.append_column("relevance", pa.array(similar.relevance, from_pandas=True))


def _rows_of(ids: pa.Array, wanted: tuple[str, ...]) -> npt.NDArray[np.int64]:
    rows, found = row_of(ids, pa.array(wanted, pa.string()))
    if not found.all():
        stranger = wanted[int(np.argmin(found))]
        raise TableError(f"scene {stranger!r} has no scene vector, so nothing can be likened to it; check the id")
    return rows


def _index(lookup: Lookup, vectors: npt.NDArray[np.floating]) -> NearIndex:
    """The index of a discovery's vectors, built once."""
    recipe = Recipe("index", {"discover": lookup.discovered.digest}, {})

    def write(out: Storage) -> dict[str, int]:
        index = build_index(vectors)
        out.write_bytes("vectors.faiss", index.content)
        out.write_bytes("index.json", json.dumps({"recall": index.recall, "n_probe": index.n_probe}).encode())
        return {"vectors": len(vectors)}

    made = derive(lookup.workspace.storage, recipe, write).storage
    return NearIndex(made.read_bytes("vectors.faiss"), **json.loads(made.read_bytes("index.json")))


def _answer(lookup: Lookup, values: pa.Table, rows: npt.NDArray[np.int64]) -> pa.Table:
    found = values.take(pa.array(rows))
    members = lookup.discovery.lasting.members
    inside = members.filter(pc.is_in(members["scene_id"], value_set=id_array(found["scene_id"])))
    inside = inside.filter(pc.is_valid(inside["cluster_id"]))
    clusters: dict[str, list[str]] = {}
    for row in inside.to_pylist():
        clusters.setdefault(row["scene_id"], []).append(row["cluster_id"])
    told = [sorted(clusters.get(name, [])) for name in found["scene_id"].to_pylist()]
    return found.add_column(1, "cluster_ids", pa.array(told, pa.list_(pa.string())))
