"""Cards: what a cluster is, how rare it is, and why it may matter.

Facts only; what people say of a cluster, and the order that follows from it, come after (`ranking`). Growth: see
`novelty`, `traits` and `medoids`; all else O(memberships).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import CLUSTER_CARDS
from oddloop.discover.arrays import Floats, Ints, row_of, vector_matrix
from oddloop.discover.cards.evidence import Lift, Measured, is_among, lift_of, score_values
from oddloop.discover.cards.examples import extreme_scenes, typical_scenes, uncertain_scenes
from oddloop.discover.cards.membership import Membership, read_membership
from oddloop.discover.cards.novelty import find_novel
from oddloop.discover.cards.rarity import rarity_of
from oddloop.discover.cards.sentences import reasons_of
from oddloop.discover.cards.traits import find_traits
from oddloop.errors import TableError
from oddloop.ids import Ids, id_array


@dataclass(frozen=True)
class Known:
    """What is known of the scenes, beside what they are; every part may be missing.

    Attributes:
        labelled_ids: scenes that have labels.
        trained_ids: scenes that the model was trained on; fewer than 20 say nothing of novelty.
        error: the metric that counts as error, on the scenes where it was measured.
        score: the scene score that counts as uncertainty.
        values: `scene_id` and a column of text per ODD attribute.
        persistence: `cluster_id` and `persistence`.
        parents: parent by cluster id, where it has one.
    """

    labelled_ids: Ids = ()
    trained_ids: Ids = ()
    error: Measured | None = None
    score: Measured | None = None
    values: pa.Table | None = None
    persistence: dict[str, float] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)


def make_cards(members: pa.Table, vectors: pa.Table, scenes: pa.Table, known: Known) -> pa.Table:
    """Describe each cluster.

    Args:
        members: CLUSTER_MEMBERS.
        vectors: SCENE_VECTORS of at least the members.
        scenes: SCENES with at least the scenes of `vectors`; only those that have a vector count, in rates too.
        known: errors, scores, labels, attributes.

    Returns:
        CLUSTER_CARDS by cluster id; no clusters, no rows.

    Raises:
        TableError: a scene is missing in `scenes`, or vectors differ in length.

    >>> ids = [f"s{i}" for i in range(6)]
    >>> members = pa.table({"scene_id": ids, "cluster_id": ["c0001"] * 3 + [None] * 3})
    >>> vectors = pa.table({"scene_id": ids, "vector": [[float(i)] for i in range(6)]})
    >>> scenes = pa.table({"scene_id": ids, "log_id": list("aabbcc"), "duration_s": [1800.0] * 6})
    >>> card = make_cards(members, vectors, scenes, Known(labelled_ids=["s0"])).to_pylist()[0]
    >>> card["n_scenes"], card["n_logs"], card["n_labelled"], card["per_hour"], card["typical"]
    (3, 2, 1, 1.0, ['s1', 's2', 's0'])
    """
    rows, found = row_of(id_array(scenes["scene_id"]), id_array(vectors["scene_id"]))
    if not found.all():
        stranger = vectors["scene_id"][int(np.argmin(found))].as_py()
        raise TableError(f"scene_vectors: scene {stranger!r} is not in `scenes`; run `oddloop discover` again")
    placed = scenes.select(["scene_id", "log_id", "duration_s"]).take(pa.array(rows))
    membership = read_membership(members, placed)
    points = vector_matrix(vectors["vector"].combine_chunks())[0].astype(np.float64)
    columns = {
        **_sizes(membership, placed, known),
        **_lift_columns(membership, known),
        **_novelty_columns(membership, points, known),
        **_text_columns(membership, points, known),
    }
    table = pa.table(columns)
    columns["reasons"] = pa.array(reasons_of(table), CLUSTER_CARDS.schema().field("reasons").type)
    return pa.table([columns[name] for name in CLUSTER_CARDS.schema().names], schema=CLUSTER_CARDS.schema())


def _sizes(members: Membership, scenes: pa.Table, known: Known) -> dict[str, pa.Array]:
    duration_s = pc.fill_null(scenes["duration_s"], 0.0).to_numpy()
    rarity = rarity_of(members, duration_s)
    ones = np.ones(len(duration_s))
    columns: dict[str, pa.Array] = {
        "cluster_id": pa.array(members.ids, pa.string()),
        "parent_id": pa.array([known.parents.get(name) for name in members.ids], pa.string()),
        "n_scenes": _ints(members.sums(ones)),
        "n_logs": _ints(np.bincount(members.pairs()[0], minlength=len(members))),
        "duration_s": pa.array(members.sums(duration_s)),
        "n_labelled": _ints(members.sums(is_among(members, known.labelled_ids).astype(np.float64))),
        "persistence": pa.array([known.persistence.get(name, 0.0) for name in members.ids], pa.float64()),
    }
    return columns | {name: _nullable(value) for name, value in rarity._asdict().items()}


def _lift_columns(members: Membership, known: Known) -> dict[str, pa.Array]:
    error, score = _lift(members, known.error), _lift(members, known.score)
    n = len(members)
    return {
        "metric": pa.array([known.error.name if known.error else ""] * n, pa.string()),
        "error": _nullable(error.difference.mean),
        "error_elsewhere": _nullable(error.difference.elsewhere),
        "error_lift": _nullable(error.lift),
        "error_lift_low": _nullable(error.low),
        "error_lift_high": _nullable(error.high),
        "n_measured": _ints(error.n_measured),
        "n_logs_measured": _ints(error.difference.n_logs),
        "score": pa.array([known.score.name if known.score else ""] * n, pa.string()),
        "score_lift": _nullable(score.lift),
        "score_lift_low": _nullable(score.low),
        "score_lift_high": _nullable(score.high),
    }


def _lift(members: Membership, measured: Measured | None) -> Lift:
    nothing = pa.table({"scene_id": pa.array([], pa.string()), "value": pa.array([], pa.float64())})
    return lift_of(members, measured or Measured("", nothing))


def _novelty_columns(members: Membership, points: Floats, known: Known) -> dict[str, pa.Array]:
    is_trained = is_among(members, known.trained_ids)
    found = find_novel(points, is_trained) if len(members) else None
    if found is None:
        empty = pa.nulls(len(members), pa.float64())
        return {"novel_share": empty, "novel_lift_low": empty}
    # Training scenes cannot be novel, so they have no say in the share.
    table = pa.table({"scene_id": members.scene_ids, "value": found[0].astype(np.float64)})
    lift = lift_of(members, Measured("", table.filter(pa.array(~is_trained))))
    return {"novel_share": _nullable(lift.difference.mean), "novel_lift_low": _nullable(lift.difference.low)}


def _text_columns(members: Membership, points: Floats, known: Known) -> dict[str, pa.Array]:
    score = score_values(members, known.score)
    examples = [_examples(points, score, members.scenes_of(i), members.log) for i in range(len(members))]
    names = [[members.scene_ids.take(pa.array(rows)).to_pylist() for rows in found] for found in examples]
    traits = find_traits(members, known.values) if known.values is not None else [[]] * len(members)
    kind = CLUSTER_CARDS.schema().field("traits").type
    return {
        "typical": pa.array([n[0] for n in names], pa.list_(pa.string())),
        "extreme": pa.array([n[1] for n in names], pa.list_(pa.string())),
        "uncertain": pa.array([n[2] for n in names], pa.list_(pa.string())),
        "traits": pa.array([[t._asdict() for t in found] for found in traits], kind),
    }


def _examples(points: Floats, score: Floats, rows: Ints, log: Ints) -> tuple[Ints, Ints, Ints]:
    typical = typical_scenes(points, rows, log)
    return typical, extreme_scenes(points, rows, typical, log), uncertain_scenes(score, rows, log)


def _ints(values: Floats | Ints) -> pa.Array:
    return pa.array(np.rint(values).astype(np.int64))


def _nullable(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))
