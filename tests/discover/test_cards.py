"""Cards: hand-worked numbers, plain loops as reference, planted traits, and the order of cards."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from oddloop.derived_tables import CLUSTER_CARDS, CLUSTER_MEMBERS
from oddloop.discover import Known, Measured, integrity_level, make_cards, rank_cards, risk_weight
from oddloop.discover.cards.examples import extreme_scenes, typical_scenes, uncertain_scenes
from oddloop.discover.cards.membership import read_membership
from oddloop.discover.cards.novelty import find_novel
from oddloop.discover.cards.traits import find_traits
from oddloop.errors import ConfigError, TableError


def scenes_of(n: int, per_log: int = 2) -> tuple[list[str], pa.Table, pa.Table]:
    ids = [f"s{i:03d}" for i in range(n)]
    scenes = pa.table({"scene_id": ids, "log_id": [f"log{i // per_log}" for i in range(n)], "duration_s": [36.0] * n})
    vectors = pa.table({"scene_id": ids, "vector": [[float(i), 0.0] for i in range(n)]})
    return ids, scenes, vectors


def in_cluster(ids: list[str], rows: range, name: str = "c0001") -> pa.Table:
    names = [name if i in rows else None for i in range(len(ids))]
    return pa.table({"scene_id": ids, "cluster_id": pa.array(names, pa.string())})


def measured(ids: list[str], values: list[float], **more: object) -> Measured:
    return Measured("min_fde_m", pa.table({"scene_id": ids, "value": pa.array(values, pa.float64())}), **more)


def test_a_card_by_hand() -> None:
    ids, scenes, vectors = scenes_of(20)  # 10 logs of 2 scenes, 0.2 h in all
    error = measured(ids, [3.0] * 4 + [1.0] * 16)
    known = Known(labelled_ids=ids[:3], error=error, score=Measured("spread", error.table))
    card = make_cards(in_cluster(ids, range(4)), vectors, scenes, known).to_pylist()[0]
    assert (card["n_scenes"], card["n_logs"], card["duration_s"], card["n_labelled"]) == (4, 2, 144.0, 3)
    assert card["per_hour"] == pytest.approx(4 / 0.2)
    assert (card["log_share"], card["rarity_bits"]) == (0.2, pytest.approx(math.log2(5)))
    # exact 95 % interval of 2 of 10, from tables: 2.52 % to 55.61 %
    interval = pytest.approx([0.0252, 0.5561], abs=1e-4)
    assert [card["log_share_low"], card["log_share_high"]] == interval
    assert (card["error"], card["error_elsewhere"], card["n_measured"], card["n_logs_measured"]) == (3.0, 1.0, 4, 2)
    assert card["error_lift"] == pytest.approx(2.0 / 0.8)  # standard deviation of 4 threes and 16 ones: 0.8
    assert card["error_lift_low"] == pytest.approx(card["error_lift"])  # all logs agree exactly
    assert card["uncertain"] == [ids[0], ids[2], ids[1]]  # all alike; the first of each log, then the rest
    assert (card["typical"][0], card["extreme"][0]) == (ids[1], ids[3])
    codes = [reason["code"] for reason in card["reasons"]]
    assert codes == ["rarity", "error", "uncertainty", "labels"]
    assert "surely worse" in card["reasons"][1]["text"]


def test_better_higher_turns_the_error_round() -> None:
    ids, scenes, vectors = scenes_of(20)
    known = Known(error=measured(ids, [0.5] * 4 + [0.9] * 16, worse="lower"))
    card = make_cards(in_cluster(ids, range(4)), vectors, scenes, known).to_pylist()[0]
    assert card["error"] == pytest.approx(0.5)
    assert card["error_lift"] == pytest.approx(0.4 / 0.16)


def test_missing_values_are_left_out_and_nothing_known_is_null() -> None:
    ids, scenes, vectors = scenes_of(12)
    values = [math.nan, 2.0, math.inf, 4.0] + [1.0] * 8
    card = make_cards(in_cluster(ids, range(4)), vectors, scenes, Known(error=measured(ids, values))).to_pylist()[0]
    assert (card["n_measured"], card["error"]) == (2, 3.0)
    bare = make_cards(in_cluster(ids, range(4)), vectors, scenes, Known()).to_pylist()[0]
    assert bare["error"] is None
    assert (bare["metric"], bare["score"], bare["novel_share"], bare["traits"]) == ("", "", None, [])
    empty = make_cards(CLUSTER_MEMBERS.empty(), vectors, scenes, Known(trained_ids=ids))
    assert empty.num_rows == 0
    assert empty.schema.equals(CLUSTER_CARDS.schema())


def test_a_member_that_is_no_scene_is_named() -> None:
    ids, scenes, vectors = scenes_of(4)
    with pytest.raises(TableError, match="'ghost' is not in `scenes`"):
        make_cards(pa.table({"scene_id": ["ghost"], "cluster_id": ["c1"]}), vectors, scenes, Known())
    with pytest.raises(TableError, match="'s003' is not in `scenes`"):
        make_cards(in_cluster(ids, range(2)), vectors, scenes.slice(0, 3), Known())


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_no_card(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids, scenes, vectors = scenes_of(30)
    names = pa.array([None if k == 3 else f"c{k}" for k in rng.integers(4, size=30)], pa.string())
    members = pa.table({"scene_id": ids, "cluster_id": names})
    error = measured(ids, rng.normal(size=30).tolist())
    values = pa.table({"scene_id": ids, "rain": rng.choice(["no", "yes"], size=30).tolist()})
    one = make_cards(members, vectors, scenes, Known(ids[:5], ids[:25], error, error, values))
    turned = [t.take(pa.array(rng.permutation(t.num_rows))) for t in (members, scenes, values, error.table)]
    other = Measured("min_fde_m", turned[3])
    two = make_cards(turned[0], vectors, turned[1], Known(ids[:5], ids[:25], other, other, turned[2]))
    same = ["cluster_id", "n_scenes", "n_logs", "typical", "extreme", "uncertain", "traits"]
    assert one.select(same).equals(two.select(same))
    for name in ("error_lift", "error_lift_low", "per_hour_high"):
        np.testing.assert_allclose(*(np.array(t[name].to_pylist(), dtype=float) for t in (one, two)), rtol=1e-9)


def test_traits_agree_with_a_loop_over_logs() -> None:
    rng = np.random.default_rng(5)
    ids, scenes, _ = scenes_of(400, per_log=4)
    log = np.arange(400) // 4
    rain = np.where(rng.random(100) < 0.2, "rain", "dry")[log]
    rows = np.flatnonzero((rain == "rain") | (rng.random(400) < 0.02))[:40]
    members = pa.table({"scene_id": [ids[i] for i in rows], "cluster_id": ["c"] * len(rows)})
    values = pa.table({"scene_id": ids, "sky": rain.tolist()})
    (trait,) = find_traits(read_membership(members, scenes), values)[0]
    shares = [np.mean(rain[rows][log[rows] == k] == "rain") for k in np.unique(log[rows])]
    p_log = np.mean([np.mean(rain[log == k] == "rain") for k in range(100)])
    p = binom.sf(math.floor(sum(shares) + 1e-9) - 1, len(shares), p_log)
    assert trait.q == pytest.approx(2 * p)  # two values are tested; the other one's p is near 1
    assert trait.share == pytest.approx(np.mean(rain[rows] == "rain"))


def test_chance_sets_few_clusters_apart() -> None:
    rng = np.random.default_rng(0)
    ids, scenes, _ = scenes_of(1200, per_log=6)
    log = np.arange(1200) // 6
    found = 0
    for _ in range(20):
        values = {f"a{k}": np.array(list("xyz"))[rng.integers(3, size=200)][log].tolist() for k in range(6)}
        names = np.array([f"c{k}" for k in range(20)])[rng.integers(20, size=1200)]
        members = pa.table({"scene_id": ids, "cluster_id": names.tolist()})
        found += sum(map(len, find_traits(read_membership(members, scenes), pa.table({"scene_id": ids, **values}))))
    assert found <= 2  # 7,200 values are tested, none is real; scenes taken as independent would give hundreds


def test_multi_label_values_and_unknown_scenes() -> None:
    ids, scenes, _ = scenes_of(40, per_log=1)
    members = pa.table({"scene_id": ids[:8], "cluster_id": ["c"] * 8})
    lists = [["car", "tram"]] * 8 + [["car"]] * 30 + [[]] * 2
    values = pa.table({"scene_id": ids[:39], "agents": lists[:39]})
    assert [
        (t.value, t.share, t.share_elsewhere) for t in find_traits(read_membership(members, scenes), values)[0]
    ] == [("tram", 1.0, 0.0)]


def test_novelty_agrees_with_all_distances() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(300, 5))
    points[280:] += 6.0
    trained = np.arange(300) < 200
    novel, distance = find_novel(points, trained)
    d = np.linalg.norm(points[:, None] - points[None, trained], axis=2)
    d[np.flatnonzero(trained), np.arange(200)] = np.inf
    np.testing.assert_allclose(distance, d.min(axis=1), rtol=1e-9)
    limit = np.quantile(d.min(axis=1)[trained], 0.99)
    np.testing.assert_array_equal(novel, (d.min(axis=1) > limit) & ~trained)
    assert novel[280:].all()
    assert find_novel(points, np.arange(300) < 19) is None


def test_order_of_cards() -> None:
    columns = {"rarity_bits_low": [2.0, 4.0, 3.0, 9.0], "error_lift_low": [1.0, None, -5.0, 9.0],
               "score_lift_low": [0.5, 0.5, None, None], "novel_lift_low": [None, 0.1, 0.0, None]}  # fmt: skip
    cards = pa.table({"cluster_id": list("abcd"), **{k: pa.array(v, pa.float64()) for k, v in columns.items()}})
    ranked = rank_cards(cards, {}, {"d"})
    assert ranked["cluster_id"].to_pylist() == ["a", "b", "c", "d"]  # 3.0, 2.4, 0; noise last
    assert ranked["rank_value"].to_pylist() == pytest.approx([3.0, 2.4, 0.0, 81.0])
    assert rank_cards(cards, {"b": 4.0}, {"d"})["cluster_id"].to_pylist() == ["b", "a", "c", "d"]
    assert rank_cards(cards.slice(0, 0), {}, set()).num_rows == 0


def test_risk_by_the_standard_s_table() -> None:
    """ISO 26262-3:2018, table 4, all of it."""
    table = {
        1: [["QM", "QM", "QM"], ["QM", "QM", "QM"], ["QM", "QM", "A"], ["QM", "A", "B"]],
        2: [["QM", "QM", "QM"], ["QM", "QM", "A"], ["QM", "A", "B"], ["A", "B", "C"]],
        3: [["QM", "QM", "A"], ["QM", "A", "B"], ["A", "B", "C"], ["B", "C", "D"]],
    }
    for s, by_e in table.items():
        for e, by_c in enumerate(by_e, start=1):
            for c, level in enumerate(by_c, start=1):
                assert integrity_level(f"S{s}E{e}C{c}") == (level if level == "QM" else f"ASIL {level}")
    with pytest.raises(ConfigError, match="risk 'huge' is not known; levels: low"):
        risk_weight("huge", {"low": 1.0})


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_examples_are_of_different_logs_as_long_as_there_are_any(logs: list[int], seed: int) -> None:
    log, n = np.array(logs), len(logs)
    score = np.random.default_rng(seed).normal(size=n)
    wanted: list[int] = []
    falling = sorted(range(n), key=lambda i: -score[i])
    for i in falling:  # one pass for new logs, and another for what is left
        wanted += [i] if log[i] not in log[wanted] else []
    wanted += [i for i in falling if i not in wanted]
    assert uncertain_scenes(score, np.arange(n), log).tolist() == wanted[:3]
    points = score[:, None]
    typical = typical_scenes(points, np.arange(n), log)
    assert typical[0] == np.abs(points - points.T).sum(axis=1).round(9).argmin()
    assert len(set(log[typical].tolist())) == min(3, len(set(logs)))
    extreme = extreme_scenes(points, np.arange(n), typical, log)
    assert typical[0] not in extreme
    if len(extreme):
        assert abs(score[extreme[0]] - score[typical[0]]) == np.abs(score - score[typical[0]]).max()
