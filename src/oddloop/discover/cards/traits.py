"""The attribute values that set a cluster apart from all other scenes.

Logs, not scenes, are counted, since the scenes of a drive share weather and road: of each of the cluster's logs, the
share of its scenes there that have the value; the sum over its k logs is set against Binomial(k, p), with p the share
in an average log. Benjamini and Hochberg's procedure over all values of all clusters keeps false ones rare. Time and
memory grow with memberships and attributes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import bdtrc

from oddloop.discover.arrays import Floats, Ints
from oddloop.discover.cards.membership import Membership
from oddloop.ids import id_array
from oddloop.tables import is_list

_MOST = 5
_LEAST_SHARE = 0.3
"""A value that fewer of the cluster's scenes have does not describe it."""


class Trait(NamedTuple):
    """One value that is more frequent in a cluster; fields as in CLUSTER_CARDS."""

    attribute: str
    value: str
    share: float
    share_elsewhere: float
    lift: float
    q: float


class _Tests(NamedTuple):
    cluster: Ints
    name: list[tuple[str, str]]
    share: Floats
    elsewhere: Floats
    p: Floats


def find_traits(members: Membership, values: pa.Table, max_q: float = 0.05) -> list[list[Trait]]:
    """Find the values that set each cluster apart.

    Args:
        members: the clusters.
        values: `scene_id`, and per attribute a column of text, or of lists of it; scenes that are not there count as
            `unknown`, a value that never sets a cluster apart.
        max_q: largest share of false ones among all that are given.

    Returns:
        per cluster at most five traits that at least 30 % of its scenes have, by falling lift: how much more frequent
        the value is than in other scenes.

    >>> from oddloop.discover.cards.membership import read_membership
    >>> ids = [f"s{i}" for i in range(40)]
    >>> scenes = pa.table({"scene_id": ids, "log_id": ids})
    >>> members = pa.table({"scene_id": ids[:8], "cluster_id": ["c"] * 8})
    >>> values = pa.table({"scene_id": ids, "rain": ["heavy"] * 8 + ["none"] * 32})
    >>> [(t.value, t.share, t.share_elsewhere) for t in find_traits(read_membership(members, scenes), values)[0]]
    [('heavy', 1.0, 0.0)]
    """
    row = pc.index_in(members.scene_ids, value_set=id_array(values["scene_id"]))
    names = [name for name in values.column_names if name != "scene_id" and _is_text(values.schema.field(name).type)]
    tests = [test for name in names for test in _attribute_tests(members, name, values[name].take(row))]
    found: list[list[Trait]] = [[] for _ in range(len(members))]
    if not tests:
        return found
    q = _false_discovery(np.concatenate([t.p for t in tests]))
    start = 0
    for test in tests:
        _keep(found, test, q[start : (start := start + len(test.p))], max_q)
    return [sorted(traits, key=lambda t: (-t.lift, t.attribute, t.value))[:_MOST] for traits in found]


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if is_list(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _attribute_tests(members: Membership, name: str, column: pa.ChunkedArray) -> list[_Tests]:
    """One test per value, over all clusters that have any scene with it."""
    scene, text = _scenes_with_values(column)
    found = text.dictionary_encode()
    codes = found.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    pairs = [(value, scene[codes == code]) for code, value in enumerate(found.dictionary.to_pylist())]
    return [_test(members, (name, value), rows) for value, rows in pairs if value != "unknown"]


def _scenes_with_values(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    array = column.combine_chunks()
    if is_list(array.type):
        return pc.list_parent_indices(array).to_numpy().astype(np.int64), pc.list_flatten(array)
    present = pc.is_valid(array).to_numpy(zero_copy_only=False)
    return np.flatnonzero(present), array.drop_null()


def _test(members: Membership, name: tuple[str, str], rows: Ints) -> _Tests:
    has = np.zeros(len(members.scene_ids))
    has[rows] = 1.0
    ones = np.ones(len(has))
    cluster, _, (with_it, in_log) = members.pairs(has, ones)
    n_logs = np.bincount(cluster, minlength=len(members))
    successes = np.bincount(cluster, with_it / in_log, minlength=len(members))
    p_log = float(np.mean(members.per_log(has) / np.maximum(members.per_log(ones), 1.0)))
    size, count = members.sums(ones), members.sums(has)
    elsewhere = (has.sum() - count) / np.maximum(len(has) - size, 1.0)
    # Rounding down is on the safe side: part of a log proves less than a whole one.
    k = np.floor(successes + 1e-9)
    p = np.where(k > 0, bdtrc(k - 1, n_logs, p_log), 1.0)
    return _Tests(np.arange(len(members)), [name], count / np.maximum(size, 1.0), elsewhere, p)


def _false_discovery(p: Floats) -> Floats:
    from scipy.stats import false_discovery_control  # here: slow to load

    adjusted: Floats = false_discovery_control(np.clip(p, 0.0, 1.0))
    return adjusted


def _keep(found: list[list[Trait]], test: _Tests, q: Floats, max_q: float) -> None:
    kept = (q <= max_q) & (test.share >= _LEAST_SHARE) & (test.share > test.elsewhere)
    for i in np.flatnonzero(kept).tolist():
        share, elsewhere = float(test.share[i]), float(test.elsewhere[i])
        lift = share / elsewhere if elsewhere > 0 else float("inf")
        found[i].append(Trait(*test.name[0], share, elsewhere, lift, float(q[i])))
