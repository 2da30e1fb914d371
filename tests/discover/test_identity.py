"""Ids that last: hand-worked events, a plain count of overlap, and what must not depend on order."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from oddloop.discover.identity import count_overlap, follow_clusters, pair_up


def members(groups: dict[str, str], loose: str = "") -> pa.Table:
    """Clusters as texts whose letters are scenes; `loose` are scenes in none."""
    pairs = [(scene, name) for name, scenes in groups.items() for scene in scenes]
    pairs += [(scene, None) for scene in loose]
    return pa.table({"scene_id": pa.array([p[0] for p in pairs], pa.string()),
                     "cluster_id": pa.array([p[1] for p in pairs], pa.string())})  # fmt: skip


def told(old: pa.Table, new: pa.Table, dead: tuple[str, ...] = ()) -> list[tuple[str, str, tuple[str, ...]]]:
    events = follow_clusters(old, dead, new, 50).events.to_pylist()
    return [(e["event"], e["cluster_id"], tuple(e["into"])) for e in events]


OLD = members({"c0001": "abcdefgh", "c0002": "ijkl"}, loose="yz")


def test_the_same_clusters_under_other_names_keep_their_ids() -> None:
    new = members({"x": "ijkl", "y": "abcdefgh"}, loose="yz")
    assert follow_clusters(OLD, [], new, 3).ids == {"x": "c0002", "y": "c0001"}
    assert told(OLD, new) == [("survived", "c0001", ("c0001",)), ("survived", "c0002", ("c0002",))]


def test_only_scenes_of_both_runs_count() -> None:
    new = members({"y": "abcdefgh" + "ABCDEFGHIJKLMNOP"}, loose="yzijkl")  # grew threefold by new scenes
    assert told(OLD, new) == [("survived", "c0001", ("c0001",)), ("died", "c0002", ())]


def test_a_split_in_halves_keeps_neither() -> None:
    new = members({"x": "abcd", "y": "efgh", "z": "ijkl"}, loose="yz")
    # a half each: Jaccard 4/8 is at the threshold, so the first half goes on and the other left
    assert told(OLD, new)[:2] == [("survived", "c0001", ("c0001",)), ("split", "c0001", ("c0050",))]
    thirds = members({"c0001": "abcdefghm"})
    assert told(thirds, members({"x": "abc", "y": "def", "z": "ghm"})) == [
        ("split", "c0001", ("c0050", "c0051", "c0052"))
    ]


def test_a_cluster_taken_in_by_a_larger_one_has_merged() -> None:
    new = members({"x": "abcdefghijkl"}, loose="yz")
    assert told(OLD, new) == [("survived", "c0001", ("c0001",)), ("merged", "c0002", ("c0001",))]


def test_scattered_or_loose_scenes_are_a_death_and_strangers_emerge() -> None:
    new = members({"x": "yzAB"}, loose="abcdefghijkl")
    assert told(OLD, new) == [("died", "c0001", ()), ("died", "c0002", ()), ("emerged", "c0050", ())]


def test_a_dead_cluster_comes_back_under_its_id_and_says_nothing_else() -> None:
    new = members({"x": "abcdefgh", "y": "ijkl"}, loose="yz")
    assert told(OLD, new, dead=("c0002",)) == [("survived", "c0001", ("c0001",)), ("revived", "c0002", ("c0002",))]
    assert told(OLD, members({"x": "abcdefgh"}, loose="ijkl"), dead=("c0002",)) == [("survived", "c0001", ("c0001",))]


def test_a_finer_layer_inside_a_survivor_is_no_split() -> None:
    new = members({"x": "abcdefgh", "inner": "abcd", "z": "ijkl"}, loose="yz")
    assert told(OLD, new) == [
        ("survived", "c0001", ("c0001",)), ("survived", "c0002", ("c0002",)), ("emerged", "c0050", ()),
    ]  # fmt: skip


def test_the_first_run_and_runs_without_clusters() -> None:
    nothing = members({})
    first = follow_clusters(nothing, [], OLD, 1)
    assert (first.ids, first.next_number) == ({"c0001": "c0001", "c0002": "c0002"}, 3)
    assert told(nothing, nothing) == []
    assert [e[0] for e in told(OLD, nothing)] == ["died", "died"]


@given(st.integers(0, 2**32 - 1))
def test_overlap_is_a_plain_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = ({f"{p}{i}": "".join(rng.choice(list("abcdefghijklmno"), size=rng.integers(1, 9), replace=False))
                 for i in range(rng.integers(1, 5))} for p in "on")  # fmt: skip
    found = count_overlap(members(old, "a"), members(new, "ab"))
    shared = (set("".join(old.values())) | {"a"}) & (set("".join(new.values())) | {"a", "b"})
    assert found.n_shared == len(shared)
    for i, one in enumerate(sorted(old)):
        for j, two in enumerate(sorted(new)):
            assert found.common[i, j] == len(set(old[one]) & set(new[two]) & shared)
            assert found.new_size[j] == len(set(new[two]) & shared)


@given(st.integers(0, 2**32 - 1))
def test_rows_in_any_order_give_the_same_ids_and_events(seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = (members({f"{p}{i}": "".join(rng.choice(list("abcdefghijkl"), size=5, replace=False)) for i in range(3)},
                        "mn") for p in "on")  # fmt: skip
    shuffled = [table.take(pa.array(rng.permutation(table.num_rows))) for table in (old, new)]
    one, two = follow_clusters(old, [], new, 9), follow_clusters(shuffled[0], [], shuffled[1], 9)
    assert one.ids == two.ids
    assert one.events.equals(two.events)
    assert len(set(one.ids.values())) == len(one.ids)


@given(st.integers(0, 2**32 - 1))
def test_pairs_have_the_greatest_summed_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    overlap = np.round(rng.random((4, 4)), 2) * (rng.random((4, 4)) < 0.7)
    partner = pair_up(csr_array(overlap), 0.5)
    worth = np.where(overlap >= 0.5, overlap, 0.0)
    best = max(sum(worth[row, column] for column, row in enumerate(rows)) for rows in permutations(range(4)))
    assert sum(worth[row, column] for column, row in enumerate(partner) if row >= 0) == pytest.approx(best)
    assert all(overlap[row, column] >= 0.5 for column, row in enumerate(partner) if row >= 0)
