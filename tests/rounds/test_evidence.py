"""Evidence: halves, equal cost, verdicts, forecasts and their record; by hand-worked numbers and by laws."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.config import EvidenceConfig
from oddloop.coverage import encode_scene_values
from oddloop.derived_tables import HALF_METRICS, LIFTS
from oddloop.intervals import widening
from oddloop.rounds.evidence.equal_cost import ArmRound, Side, at_equal_cost
from oddloop.rounds.evidence.forecast import HalvesAt, calibration, check_forecasts, miss_of, predict
from oddloop.rounds.evidence.halves import split_picks
from oddloop.rounds.evidence.lifts import adjust, compare_sides
from oddloop.rounds.evidence.verdict import CANNOT_TELL, DID_NOT, HELPED, confidence_at, judge_lift
from oddloop.rounds.state import RoundState

N_LOGS, PER_LOG = 12, 4
SCENES = pa.table(
    {
        "scene_id": [f"s{i}" for i in range(N_LOGS * PER_LOG)],
        "log_id": [f"l{i // PER_LOG}" for i in range(N_LOGS * PER_LOG)],
        "sky": ["rain" if i % 4 == 0 else "dry" for i in range(N_LOGS * PER_LOG)],
    }
)
ENCODED = encode_scene_values(SCENES.select(["scene_id", "sky"]))


def arm(level: float, seed: int, *, rain: float = 0.0, n_splits: int = 3, cost: float = 100.0) -> Side:
    """An arm whose models miss by `level` on average, in rain by so much more, with some luck."""
    rng, rows = np.random.default_rng(seed), []
    for split in range(n_splits):
        luck = rng.normal(0, 0.05)
        for half, sign in ((0, 1), (1, -1)):
            value = level + sign * luck + rng.normal(0, 0.1, len(SCENES))
            value += rain * (np.arange(len(SCENES)) % 4 == 0)
            rows.append(
                {
                    "split": [split] * len(SCENES),
                    "half": [half] * len(SCENES),
                    "scene_id": SCENES["scene_id"],
                    "metric": ["miss_m"] * len(SCENES),
                    "value": value,
                    "support": [5] * len(SCENES),
                }
            )
    metrics = pa.concat_tables([pa.table(row, schema=HALF_METRICS.schema()) for row in rows])
    one = ArmRound("r001", cost, metrics, 20)
    return Side(one, one, 0.0)


def compared(ours: Side, theirs: Side, better: str = "lower") -> dict[str, dict[str, object]]:
    table = compare_sides("control", (ours, theirs), "miss_m", better, SCENES, ENCODED)  # type: ignore[arg-type]
    assert table.schema.equals(LIFTS.schema())
    return {str(row["segment_id"]): row for row in table.to_pylist()}


def test_a_lift_is_better_minus_worse_in_the_metrics_own_direction() -> None:
    lower, higher = (compared(arm(2.0, 0), arm(2.5, 1), better)["all"] for better in ("lower", "higher"))
    assert lower["lift"] == pytest.approx(0.5, abs=0.1)
    assert higher["lift"] == -lower["lift"]
    assert (lower["n_logs"], lower["n_scenes"]) == (12, 48)
    assert judge_lift(lower, 1, EvidenceConfig()).verdict == HELPED
    assert judge_lift(higher, 1, EvidenceConfig()).verdict == DID_NOT


@given(st.integers(0, 1000), st.floats(-0.5, 0.5))
@settings(max_examples=15, deadline=None)
def test_swapped_arms_swap_helped_and_hurt(seed: int, shift: float) -> None:
    ours, theirs = arm(2.0, seed), arm(2.0 + shift, seed + 5000)
    one, other = (judge_lift(compared(*pair)["all"], 1, EvidenceConfig()) for pair in ((ours, theirs), (theirs, ours)))
    swapped = {HELPED: DID_NOT, DID_NOT: HELPED, CANNOT_TELL: CANNOT_TELL}
    assert other.verdict == swapped[one.verdict]
    assert other.lift == pytest.approx(-one.lift)


def test_no_order_of_rows_matters() -> None:
    ours, theirs = arm(2.0, 3), arm(2.2, 4)
    order = np.random.default_rng(0).permutation(ours.first.metrics.num_rows)
    moved = dataclasses.replace(ours.first, metrics=ours.first.metrics.take(pa.array(order)))
    before, after = compared(ours, theirs)["all"], compared(Side(moved, moved, 0.0), theirs)["all"]
    for name in ("lift", "luck", "held_out"):
        assert after[name] == pytest.approx(before[name], rel=1e-9)


def test_a_segment_that_gained_is_found_among_those_that_did_not() -> None:
    rows = compared(arm(2.0, 5), arm(2.0, 6, rain=1.0))
    assert rows["sky=rain"]["q_value"] < 0.01
    assert rows["sky=rain"]["lift"] == pytest.approx(1.0, abs=0.2)
    assert rows["sky=dry"]["q_value"] > 0.05


def test_scenes_that_one_model_lacks_do_not_count() -> None:
    ours = arm(2.0, 0)
    short = ours.first.metrics.slice(1)  # the first model lacks its first scene
    row = compared(Side(*[dataclasses.replace(ours.first, metrics=short)] * 2, 0.0), arm(2.5, 1))["all"]
    assert row["n_scenes"] == 47


def rounds_of(*costs: float) -> list[ArmRound]:
    return [ArmRound(f"r{k:03d}", cost, HALF_METRICS.empty()) for k, cost in enumerate(costs, start=1)]


@pytest.mark.parametrize(
    ("ours", "theirs", "named", "costs"),
    [
        # Equal budgets: the same round of both, though scenes are whole.
        ((100, 200), (101, 201), ("r002", "r002"), (200, 201)),
        # The control paid more per round: between two of its rounds, half way.
        ((100, 200), (150, 250), ("r002", "between r001 and r002"), (200, 200)),
        # The control has not come as far: ours is taken at the cost of its last.
        ((100, 200), (150,), ("between r001 and r002", "r001"), (150, 150)),
        # Nothing is said beyond what both have paid, or before their first rounds.
        ((100,), (300,), None, None),
        ((100,), (), None, None),
    ],
)
def test_arms_are_compared_at_one_cost(
    ours: tuple[float, ...], theirs: tuple[float, ...], named: tuple[str, str] | None, costs: tuple[float, ...] | None
) -> None:
    sides = at_equal_cost(rounds_of(*ours), rounds_of(*theirs))
    assert (sides and tuple(side.named for side in sides)) == named
    assert (sides and tuple(side.cost for side in sides)) == costs


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=12, unique=True), st.randoms())
@settings(max_examples=40, deadline=None)
def test_halves_part_the_picks_evenly_whatever_their_order(scenes: list[str], random: object) -> None:
    shuffled = list(scenes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    splits = split_picks({"r001": scenes}, 3, 7)
    assert splits == split_picks({"r001": shuffled}, 3, 7)
    for first, second in splits:
        assert first | second == set(scenes)
        assert not first & second
        assert abs(len(first) - len(second)) <= 1


def test_a_later_round_leaves_the_halves_of_earlier_ones() -> None:
    early = split_picks({"r001": ["a", "b", "c", "d"]}, 4, 0)
    late = split_picks({"r001": ["a", "b", "c", "d"], "r002": ["e", "f"]}, 4, 0)
    assert [half & set("abcd") for split in late for half in split] == [half for split in early for half in split]


def test_what_looks_may_spend_sums_to_what_is_allowed() -> None:
    spent = [(1 - confidence_at(look, 0.05)) / 2 for look in range(1, 20_000)]
    assert sum(spent) == pytest.approx(0.05, abs=1e-4)
    assert spent[:3] == pytest.approx([0.030396, 0.007599, 0.003377], abs=1e-6)


BASE = {"lift": 0.3, "luck": 0.01, "held_out": 0.0, "freedom": 8.0, "n_logs": 40}


@pytest.mark.parametrize(
    ("change", "look", "config", "verdict", "settle"),
    [
        # .3 - 2.185 x .1 > 0 at the first look; the third takes t(8) of .9932, 3.62, and 3.62 x .1 > .3.
        ({}, 1, EvidenceConfig(), HELPED, ""),
        ({}, 3, EvidenceConfig(), CANNOT_TELL, "about 1.5 times the picks"),
        ({"lift": -0.3}, 1, EvidenceConfig(), DID_NOT, ""),
        # .1 +- .22: a lift of .4 is ruled out.
        ({"lift": 0.1}, 1, EvidenceConfig(), CANNOT_TELL, "times the picks"),
        ({"lift": 0.1}, 1, EvidenceConfig(smallest_lift=0.4), DID_NOT, ""),
        # Where the held-out logs make most of the doubt, more of them settle it: 40 x (2.185 x .1 / .2)² = 47.7.
        ({"lift": 0.2, "luck": 0.0, "held_out": 0.01}, 1, EvidenceConfig(), CANNOT_TELL, "about 48 held-out logs"),
        ({"lift": 0.001}, 1, EvidenceConfig(), CANNOT_TELL, "no reasonable number"),
        ({"freedom": None, "n_logs": 3}, 1, EvidenceConfig(), CANNOT_TELL, "3 held-out logs are too few"),
        ({"freedom": None}, 1, EvidenceConfig(), CANNOT_TELL, "do not differ between halves"),
    ],
)
def test_verdicts(change: dict[str, object], look: int, config: EvidenceConfig, verdict: str, settle: str) -> None:
    judged = judge_lift(BASE | change, look, config)
    assert judged.verdict == verdict
    assert settle in judged.settle
    assert bool(judged.settle) == bool(settle)


def test_q_values_by_hand() -> None:
    # Three tests: x 3 x (1 + 1/2 + 1/3) / rank = 5.5 / rank; never above that of a larger p.
    assert adjust(np.array([0.02, 0.001, 0.9])) == pytest.approx([0.055, 0.0055, 1.0])
    assert adjust(np.array([0.02, 0.02])) == pytest.approx([0.03, 0.03])


def test_a_forecast_by_hand() -> None:
    # Halves 2.6 and 2.4 at 150, 2.55 and 2.45 at 175; the model on all has 2.4 at 200; the next will have cost 250.
    halves = [HalvesAt(150.0, (2.6, 2.4)), HalvesAt(175.0, (2.55, 2.45))]
    found = predict(halves, (200.0, 2.4), 250.0, [])
    assert found
    # A line gives (2.5 - 2.4) / ln(200 / 175) x ln(250 / 200) = .1671 more, of which half is said.
    assert found["value"] == pytest.approx(2.4 - 0.16711 / 2, abs=1e-5)
    # s² = (.02 + .005) / 2; t(2, .95) = 2.920.
    assert found["high"] - found["value"] == pytest.approx(2.91999 * math.sqrt(0.0125 / 2), rel=1e-4)
    assert (found["confidence"], found["widened"], found["n_models"]) == (0.9, 1.0, 4)


@pytest.mark.parametrize(
    ("halves", "cost"),
    [([], 250.0), ([HalvesAt(150.0, (2.6,))], 250.0), ([HalvesAt(150.0, (2.6, 2.4))], 200.0)],
)
def test_nothing_is_foreseen_without_luck_or_labels(halves: list[HalvesAt], cost: float) -> None:
    assert predict(halves, (200.0, 2.4), cost, []) is None


@pytest.mark.parametrize(
    ("misses", "factor"),
    [
        ([], 1.0),
        ([0.5, 0.2], 1.0),  # never narrower
        ([0.5, 1.4], 1.4),  # few rounds: the largest miss
        ([0.1] * 17 + [1.3, 9.0], 1.3),  # of 19 the 18th = ceil(.9 x 20)
        ([math.inf, 1.2], 1.2),
    ],
)
def test_intervals_are_widened_by_the_record(misses: list[float], factor: float) -> None:
    assert widening(misses) == factor
    assert widening(misses[::-1]) == factor


def test_a_record_of_narrow_intervals_widens_the_next() -> None:
    halves = [HalvesAt(150.0, (2.6, 2.4))]
    plain, wider = (predict(halves, (200.0, 2.4), 280.0, misses) for misses in ([], [2.0]))
    assert plain
    assert wider
    assert wider["high"] - wider["low"] == pytest.approx(2 * (plain["high"] - plain["low"]))
    assert miss_of(wider, wider["high"]) == pytest.approx(2.0)  # a miss is counted in plain half widths


def test_forecasts_are_held_against_what_came() -> None:
    forecast = {"metric": "miss_m", "value": 2.0, "low": 1.8, "high": 2.2, "widened": 1.0}

    def state(number: int, came: float | None, said: object) -> RoundState:
        rows = [] if came is None else [{"metric": "miss_m", "value": came}]
        return RoundState(f"r{number:03d}", "closed", {"forecast": said}, evaluation={"overall": rows})

    rounds = [state(0, 2.4, None), state(1, 2.1, forecast), state(2, 2.3, forecast), state(3, None, forecast)]
    found = check_forecasts(rounds)
    assert [(one["round_id"], one["inside"], round(one["miss"], 6)) for one in found] == [
        ("r001", True, 0.5),
        ("r002", False, 1.5),
    ]
    # Clopper and Pearson, 1 of 2: 1.3 to 98.7 %.
    assert calibration(found)["sentence"] == "of 2 forecasts 1 was inside its 90 % interval (95 %: 1 to 99 %)"
    assert calibration([])["sentence"] == "no forecast has been checked yet"
