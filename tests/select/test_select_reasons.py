"""Why a scene was picked, in words and numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from oddloop.select import Picks, Pool
from oddloop.select import reasons as reasons_module
from oddloop.select.quotas import Quota
from oddloop.select.reasons import Evidence, build_reasons, share_text
from oddloop.select.registry import POLICIES, Policy
from oddloop.select.scarcity import scarcest_segment


@pytest.mark.parametrize(
    ("n_lower", "n", "text"),
    [
        (0, 7, "none"),
        (1, 2, "50 %"),
        (2, 3, "67 %"),
        # never up to 100, never down to 0
        (1_203, 1_204, "99 %"),
        (999_999, 1_000_000, "99 %"),
        (1, 1_000_000, "1 %"),
        (5, 5, "99 %"),
    ],
)
def test_share(n_lower: int, n: int, text: str) -> None:
    assert share_text(n_lower, n) == text


def pool_of(score, vectors=None, labelled=()) -> Pool:
    n = len(score)
    matrix = np.zeros((n, 0)) if vectors is None else np.array(vectors, dtype=np.float32)
    return Pool(
        scene_ids=np.array([f"s{i}" for i in range(n)], dtype=object),
        costs=np.ones(n) * 2.5,
        score=np.array(score, dtype=float),
        score_valid=np.isfinite(np.array(score, dtype=float)),
        vectors=matrix,
        has_vector=np.isfinite(matrix).all(axis=1) if vectors is not None else np.zeros(n, dtype=bool),
        labelled_vectors=np.array(labelled, dtype=np.float32).reshape(len(labelled), matrix.shape[1]),
    )


def texts(policy: Policy, pool: Pool, picks: Picks, labelled_ids=(), score_column="x_mean", segments=None):
    n = len(pool)
    evidence = Evidence(score_column, labelled_ids, np.full(n, 20), np.full(n, 3_000), "hours", segments, SCENES)
    reasons = build_reasons(policy, picks, pool, evidence)
    assert all(2 <= len(some) <= 6 for some in reasons)
    return [{r["code"]: r["text"] for r in some} for some in reasons], reasons


COST = "costs 2.5 hours: 20 frames, 3,000 objects reported"


def test_a_score_and_its_place_among_the_candidates() -> None:
    pool = pool_of([1.0, 3.21456, np.nan, 2.0, 2.0])
    found, values = texts(POLICIES["uncertainty"], pool, Picks(np.array([1, 3, 0]), np.array([3.2, 2.0, 1.0])))
    assert found == [
        # 3 of the 4 that have a score are lower; two have 2.0 and only one is below it
        {"score": "x_mean 3.21: higher than 75 % of 4 candidates", "cost": COST},
        {"score": "x_mean 2: higher than 25 % of 4 candidates", "cost": COST},
        {"score": "x_mean 1: higher than none of 4 candidates", "cost": COST},
    ]
    assert values[0][0]["value"] == 3.21456


def test_distance_to_the_nearest_labelled_scene() -> None:
    # distances to the labelled scenes at 0 and 10: 1, 3, 5, 2 and unknown
    pool = pool_of([1.0] * 5, [[1.0], [3.0], [5.0], [8.0], [np.nan]], [[0.0], [10.0]])
    picks = Picks(np.array([2, 3, 4]), np.array([1.0, 1.0, 1.0]))
    found, _ = texts(POLICIES["margin"], pool, picks, ["old", "new"])
    assert [some.get("novelty") for some in found] == [
        "5 in vector space from the nearest labelled scene, old: farther than 75 % of 4 candidates",
        "2 in vector space from the nearest labelled scene, new: farther than 25 % of 4 candidates",
        None,
    ]


def test_novelty_among_many_is_told_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons_module, "_SAMPLE", 10)
    pool = pool_of([1.0] * 1000, np.arange(1000.0)[:, None], [[-1.0]])
    found, _ = texts(POLICIES["margin"], pool, Picks(np.array([500]), np.array([1.0])), ["old"])
    # the sample is 0, 100, ..., 900: five of ten are below 500
    assert found[0]["novelty"].endswith("farther than 50 % of 10 sampled candidates")


def test_what_kcenter_went_by() -> None:
    pool = pool_of([np.nan] * 3, [[0.0], [1.0], [9.0]])
    picks = Picks(np.array([1, 2]), np.array([np.nan, 8.0]))
    found, values = texts(POLICIES["kcenter"], pool, picks, score_column="")
    assert found == [
        {
            "typical": "nearest to the mean of all candidates; nothing is labelled yet",
            "stands_for": "stands for 1 of 3 candidates, such as s0",
            "cost": COST,
        },
        {"spread": "8 in vector space from every labelled and every earlier picked scene", "cost": COST},
    ]
    assert [some[0]["value"] for some in values] == [None, 8.0]


def test_chance_says_so() -> None:
    found, _ = texts(POLICIES["random"], pool_of([np.nan]), Picks(np.array([0]), np.array([np.nan])))
    assert found == [{"control": "drawn at random (control)", "cost": COST}]


def segment(name: str, value: str, status: str, n_logs: int, n_way: int = 1) -> dict:
    return {
        "segment_id": f"{name}={value}",
        "attributes": [name] * n_way,
        "values": [value] * n_way,
        "n_way": n_way,
        "status": status,
        "n_logs": n_logs,
    }


SEGMENTS = pa.Table.from_pylist(
    [
        segment("weather", "rain", "labelled", 7),
        segment("weather", "rain", "unlabelled", 70),
        segment("weather", "fog", "unlabelled", 3),  # never labelled: 0 logs
        segment("weather", "unknown", "unlabelled", 3),
        segment("actors", "cyclist", "labelled", 1),
        segment("actors", "car", "labelled", 9),
        segment("speed", "slow", "labelled", 0),  # binned: `scenes` holds a number
        segment("weather", "rain", "labelled", 0, n_way=2),
    ]
)
SCENES = pa.table(
    {
        "scene_id": [f"s{i}" for i in range(6)],
        "weather": ["rain", "fog", "rain", None, "unknown", "hail"],
        "actors": [["car"], ["car"], ["car", "cyclist"], None, [], ["tram"]],
        "speed": [1.0] * 6,
    }
)


def test_the_scarcest_segment() -> None:
    scarcest = scarcest_segment(SCENES, SEGMENTS)
    assert scarcest.segment_id == ["weather=rain", "weather=fog", "actors=cyclist", "", "", ""]
    assert scarcest.n_labelled_logs.tolist() == [7, 0, 1, 0, 0, 0]
    assert scarcest.found.tolist() == [True] * 3 + [False] * 3


def test_the_scarcest_segment_is_a_reason() -> None:
    pool = pool_of([1.0] * 6)
    picks = Picks(np.array([2, 1, 4, 0]), np.ones(4))
    found, _ = texts(POLICIES["margin"], pool, picks, segments=SEGMENTS)
    assert [some.get("scarce") for some in found] == [
        "actors=cyclist has 1 labelled log",
        "weather=fog has 0 labelled logs",
        None,
        "weather=rain has 7 labelled logs",
    ]


@pytest.mark.parametrize("scenes", [SCENES[:0], SCENES.select(["scene_id"])])
def test_nothing_is_scarce_where_nothing_is_known(scenes: pa.Table) -> None:
    assert not scarcest_segment(scenes, SEGMENTS).found.any()
    assert not scarcest_segment(SCENES, SEGMENTS[:0]).found.any()


def test_the_policys_own_reason_comes_first_and_six_are_enough() -> None:
    pool = pool_of([1.0] * 6, [[float(i)] for i in range(6)], [[0.0]])
    _, values = texts(POLICIES["kcenter"], pool, Picks(np.array([1]), np.array([1.0])), ["old"], segments=SEGMENTS)
    assert [r["code"] for r in values[0]] == ["spread", "score", "stands_for", "novelty", "scarce", "cost"]


def test_no_picks_no_reasons() -> None:
    assert texts(POLICIES["random"], pool_of([1.0]), Picks(np.zeros(0, int), np.zeros(0)))[1] == []


def test_the_rule_that_let_a_pick_in_is_said_with_the_quotas_that_it_fills() -> None:
    quotas = (
        Quota("fog", np.array([0, 1]), minimum=2),
        Quota("at most one in snow", np.array([0]), maximum=1),
        Quota("tram {crossing}", np.array([0]), minimum=1),
    )
    pool = replace(pool_of([0.1, 0.2, 0.3, 0.4]), quotas=quotas)
    rules = ("quota", "cover", "explore", "control")
    said, _ = texts(POLICIES["gap_driven"], pool, Picks(np.arange(4), np.array([2.0, 1.5, np.nan, 0.5]), rules))
    assert [next(iter(reasons.values())) for reasons in said] == [
        "fills the quota fog; tram {crossing}; adds 2 to how well the candidates that matter are stood for",
        "adds 1.5 to how well the candidates that matter are stood for",
        "drawn at random where little is labelled (exploration)",
        "drawn at random (control)",
    ]
