"""The whole stage: tables in, picks out."""

from __future__ import annotations

import sys
import types

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import CostConfig, QuotaConfig, RedundancyConfig, SelectConfig
from oddloop.derived_tables import CANDIDATES, PICKS, SCENE_VECTORS
from oddloop.errors import ConfigError, TableError
from oddloop.select import POLICIES, Picks, PolicyError, SelectResult, select
from oddloop.select.cost import amount

N = 60
RNG = np.random.default_rng(0)
IDS = [f"s{i:02d}" for i in range(N)]
SCENES = pa.table(
    {
        "scene_id": IDS,
        "log_id": [f"l{i // 6}" for i in range(N)],
        "n_frames": RNG.integers(20, 100, N),
        "split": ["eval" if i % 10 == 9 else "pool" for i in range(N)],
        "night": RNG.random(N) < 0.3,
    }
)
SCORES = pa.table(
    {
        "scene_id": IDS,
        "n_frames_scored": [20] * N,
        "n_objects_sum": RNG.integers(0, 300, N),
        **{
            column: pa.array(values)
            for name in ("detection_entropy_sum_mean", "detection_margin_sum_mean")
            for column, values in ((name, RNG.random(N)), (f"{name}_valid", RNG.random(N) < 0.9))
        },
    }
)
VECTORS = pa.table([IDS[:-4], list(RNG.normal(size=(N - 4, 3)).astype(np.float32))], schema=SCENE_VECTORS.schema())
LABELLED = ["s00", "s07", "s19", "s31"]  # s19 is held out
SEGMENTS = pa.table(
    {
        "segment_id": ["speed=slow", "speed=fast"],
        "attributes": [["speed"], ["speed"]],
        "values": [["slow"], ["fast"]],
        "n_way": [1, 1],
        "status": ["labelled", "labelled"],
        "n_logs": [1, 9],
    }
)
# what the taxonomy makes of a number in `scenes`
SCENE_VALUES = pa.table({"scene_id": IDS[::-1], "speed": ["slow", "fast"] * (N // 2)})


def run(policy: str = "uncertainty", *, seed: int = 0, budget: float = 60.0, **changes) -> SelectResult:
    given = {
        "scenes": SCENES,
        "labelled_ids": LABELLED,
        "scene_scores": SCORES,
        "vectors": VECTORS,
        "segments": SEGMENTS,
        "config": SelectConfig(policy=policy, budget=budget, score=changes.pop("score", "")),
        "cost": CostConfig(),
        "rng": np.random.default_rng(seed),
    }
    return select(**{**given, **changes})


@pytest.mark.parametrize("policy", POLICIES)
def test_tables_are_as_declared(policy: str) -> None:
    result = run(policy)
    assert result.candidates.schema.equals(CANDIDATES.schema())
    assert result.picks.schema.equals(PICKS.schema())
    assert result.picks.num_rows > 3
    assert result.picks["rank"].to_pylist() == list(range(1, result.picks.num_rows + 1))
    total = result.picks["cumulative_cost"].to_pylist()
    assert total == np.cumsum(result.picks["cost"].to_numpy()).tolist()
    assert total[-1] <= 60.0
    assert not np.isnan(result.picks["gain"].to_numpy()[result.picks["gain"].is_valid()]).any()
    if policy == "random":
        assert result.picks["gain"].null_count == result.picks.num_rows
    elif not POLICIES[policy].reason_without_gain[0]:
        assert result.picks["gain"].null_count == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_only_unlabelled_scenes_of_the_pool_are_picked(policy: str) -> None:
    result = run(policy, budget=1e9)
    picked = set(result.picks["scene_id"].to_pylist())
    held_out = {f"s{i}9" for i in range(6)}
    assert not picked & (held_out | set(LABELLED))
    assert result.n_excluded["not_in_pool"] == 6
    assert result.n_excluded["labelled"] == 3
    left_out = result.n_excluded.get("no_score", 0) + result.n_excluded.get("no_vector", 0)
    assert len(picked) + left_out == result.candidates.num_rows == 51
    assert result.stopped == f"all {len(picked)} candidates that the policy can rank are picked"


@pytest.mark.parametrize("policy", POLICIES)
def test_order_of_rows_does_not_matter(policy: str) -> None:
    order = np.random.default_rng(5).permutation
    shuffled = run(
        policy,
        scenes=SCENES.take(order(N)),
        scene_scores=SCORES.take(order(N)),
        vectors=VECTORS.take(order(N - 4)),
        labelled_ids=LABELLED[::-1],
    )
    expected = run(policy)
    assert shuffled.picks.equals(expected.picks)
    assert shuffled.candidates.equals(expected.candidates)


def test_seeds() -> None:
    assert run("random", seed=3).picks.equals(run("random", seed=3).picks)
    assert not run("random", seed=3).picks.equals(run("random", seed=4).picks)
    assert run("kcenter", seed=3).picks.equals(run("kcenter", seed=4).picks)


def test_the_score_is_reported() -> None:
    for policy, column in (("uncertainty", "detection_entropy_sum_mean"), ("margin", "detection_margin_sum_mean")):
        result = run(policy)
        assert result.score_column == column
        assert result.candidates.schema.metadata[b"score_column"].decode() == column
        assert result.picks["reasons"][0][0]["text"].as_py().startswith(column)
    assert run("random").score_column == ""
    assert run("random", score="detection_margin_sum_mean").score_column == "detection_margin_sum_mean"


def test_held_out_scenes_do_not_count_as_labelled_neighbours() -> None:
    # s19 has labels but no model is trained on it: a candidate at its very place is still far from what is labelled
    vectors = pa.table([["s00", "s19", "s20"], [[0.0], [9.0], [9.0]]], schema=SCENE_VECTORS.schema())
    reasons = run("kcenter", vectors=vectors).picks["reasons"][0].as_py()
    assert reasons[0] == {
        "code": "spread",
        "value": 9.0,
        "text": "9 in vector space from every labelled and every earlier picked scene",
    }


def test_the_scarcest_segment_is_told_where_the_taxonomy_is_given() -> None:
    assert not any(r["code"] == "scarce" for row in run().picks["reasons"].to_pylist() for r in row)
    picks = run(scene_values=SCENE_VALUES).picks
    for scene_id, reasons in zip(picks["scene_id"].to_pylist(), picks["reasons"].to_pylist(), strict=True):
        slow = int(scene_id[1:]) % 2 == 1
        told = "speed=slow has 1 labelled log" if slow else "speed=fast has 9 labelled logs"
        assert told in [r["text"] for r in reasons]


def test_without_predictions_and_vectors_chance_still_works() -> None:
    result = run("random", scene_scores=None, vectors=None, segments=None)
    assert [r["code"] for r in result.picks["reasons"][0].as_py()] == ["control", "cost"]


def test_empty_picks_and_why() -> None:
    # cron may call it at any time
    result = run("uncertainty", labelled_ids=IDS)
    assert result.picks.num_rows == result.candidates.num_rows == 0
    assert result.stopped == "no scene can be picked: 6 not in pool, 54 labelled"
    assert result.picks.schema.metadata[b"stopped"].decode() == result.stopped
    assert run("random", scenes=SCENES[:0]).stopped == "no scene can be picked: there are no scenes"
    assert run("our:own", scenes=SCENES[:0], config=SelectConfig(policy="kcenter")).picks.num_rows == 0
    nowhere = SCORES.set_column(4, "detection_entropy_sum_mean_valid", pa.array([False] * N))
    assert run(scene_scores=nowhere).stopped == "no scene can be picked: 6 not in pool, 3 labelled, 51 no score"


def test_why_it_stopped() -> None:
    result = run("uncertainty", budget=20.0)
    left = 20.0 - result.picks["cumulative_cost"][-1].as_py()
    assert result.stopped.startswith(
        f"{amount(left)} of 20 cost units are left, and the cheapest candidate left costs "
    )
    same = pa.table([IDS, [[1.0]] * N], schema=SCENE_VECTORS.schema())
    stopped = run("kcenter", vectors=same, labelled_ids=["s19"]).stopped
    assert stopped.startswith("the policy wants no more; ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "kcentre"}, "did you mean `kcenter`?"),
        ({"score": "detection_entropy_sum"}, "nearest: detection_entropy_sum_mean"),
        ({"scene_scores": None}, "no scene has been scored"),
        ({"policy": "kcenter", "vectors": None}, "policy `kcenter` compares scene vectors, and there are none"),
        ({"policy": "kcenter", "vectors": VECTORS[:0]}, "run `oddloop discover` first"),
        (
            {"budget": 1.0, "cost": CostConfig(unit="hours", per_frame=0.0, per_scene=2.5, per_object=0.0)},
            "[select] budget = 1 hours does not pay for one scene: the cheapest of ",
        ),
        (
            {"budget": 1.0, "cost": CostConfig(unit="hours", per_frame=0.0, per_scene=2.5, per_object=0.0)},
            " candidates costs 2.5; raise the budget, or lower the prices in [cost]",
        ),
    ],
)
def test_what_the_user_must_mend(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        run(**changes)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0], [1.0, 2.0]], r"vectors differ in length: \[1, 2\]"),
        ([[1.0], [np.nan]], "vectors hold NaN or infinity"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(vectors, message: str) -> None:
    with pytest.raises(TableError, match=message):
        run("kcenter", vectors=pa.table([["s01", "s02"], vectors], schema=SCENE_VECTORS.schema()))


@pytest.mark.parametrize("vector", [pa.list_(pa.float16(), 3), pa.large_list(pa.float64()), pa.list_(pa.float32(), 3)])
def test_vectors_of_any_width_and_list(vector: pa.DataType) -> None:
    table = VECTORS.set_column(1, "vector", pa.array(VECTORS["vector"].to_pylist(), vector))
    expected = run("kcenter").picks["scene_id"]
    assert run("kcenter", vectors=table).picks["scene_id"][:3].equals(expected[:3])


@pytest.fixture
def own_policy(monkeypatch: pytest.MonkeyPatch):
    def install(function):
        module = types.ModuleType("our_policies")
        module.night_first = function
        monkeypatch.setitem(sys.modules, "our_policies", module)
        return "our_policies:night_first"

    return install


def test_your_own_policy_sees_your_own_columns(own_policy) -> None:
    def night_first(pool, budget, rng):
        night = np.flatnonzero(pool.scenes["night"].to_numpy())
        assert pool.scenes["scene_id"].to_pylist() == pool.scene_ids.tolist()
        return Picks(night[:3], np.array([3.0, 2.0, np.nan]))

    result = run(own_policy(night_first))
    dark = dict(zip(IDS, SCENES["night"].to_pylist(), strict=True))
    assert [dark[s] for s in result.picks["scene_id"].to_pylist()] == [True] * 3
    assert result.picks["gain"].to_pylist() == [3.0, 2.0, None]
    assert result.picks["reasons"][0][0].as_py() == {
        "code": "gain",
        "value": 3.0,
        "text": "gained 3 when it was picked",
    }
    assert result.picks["reasons"][2][0]["code"].as_py() != "gain"


def test_your_own_policy_cannot_change_what_is_recorded(own_policy) -> None:
    def discount(pool, budget, rng):
        pool.costs[:] = 0

    with pytest.raises(PolicyError, match="`our_policies:night_first` failed: ValueError: assignment destination"):
        run(own_policy(discount))


def test_inputs_are_left_as_they_are() -> None:
    before = [table.to_pylist() for table in (SCENES, SCORES, VECTORS)]
    run("kcenter")
    assert [table.to_pylist() for table in (SCENES, SCORES, VECTORS)] == before


def quota_scenes() -> pa.Table:
    return pa.table(
        {
            "scene_id": [f"s{i}" for i in range(12)],
            "log_id": ["l"] * 12,
            "n_frames": [10] * 12,
            "split": ["pool"] * 8 + ["eval"] * 4,
            "rain": ["heavy", "none"] * 6,
        }
    )


def picked(labelled: list[str], quota: QuotaConfig, policy: str) -> tuple[list[str], str]:
    config = SelectConfig(policy=policy, budget=3.6, quotas=(quota,))
    result = select(
        quota_scenes(), labelled, None, None, None, config, CostConfig(per_frame=0.12), np.random.default_rng(1)
    )
    return [reason[0]["code"] for reason in result.picks["reasons"].to_pylist()], result.stopped


def test_a_target_counts_no_held_out_label() -> None:
    target = QuotaConfig({"rain": "heavy"}, target=2)
    assert picked(["s8", "s10"], target, "gap_driven")[0].count("quota") >= 1
    assert "quota" not in picked(["s0", "s2"], target, "gap_driven")[0]


def test_a_policy_that_does_not_go_by_quotas_is_said_not_to() -> None:
    stopped = picked([], QuotaConfig({"rain": "heavy"}, maximum=0), "random")[1]
    assert "of at most 0, only `gap_driven` goes by quotas" in stopped
    stopped = picked([], QuotaConfig({"rain": "heavy"}, minimum=8), "random")[1]
    assert "of 8, only `gap_driven` goes by quotas" in stopped


def test_what_rounding_leaves_of_a_budget_is_nothing() -> None:
    scenes = quota_scenes().drop_columns(["split", "rain"])
    config = SelectConfig(policy="random", budget=12.0)
    more = pa.concat_tables([scenes, scenes.set_column(0, "scene_id", [[f"t{i}" for i in range(12)]])])
    assert 12.0 - sum([1.2] * 10) > 0
    result = select(more, [], None, None, None, config, CostConfig(per_frame=0.12), np.random.default_rng(1))
    assert result.stopped.startswith("0 of 12 cost units are left")


def test_a_log_gives_one_scene_where_more_are_worth_nothing() -> None:
    config = SelectConfig(policy="uncertainty", budget=1e6, redundancy=RedundancyConfig(log=1.0))
    result = select(SCENES, LABELLED, SCORES, None, None, config, CostConfig(), np.random.default_rng(0))
    labelled_logs = {"l0", "l1", "l5"}  # s19 is held out
    logs = result.picks["log_id"].to_pylist()
    assert len(set(logs)) == len(logs)
    assert set(logs) == {f"l{i}" for i in range(10)} - labelled_logs
