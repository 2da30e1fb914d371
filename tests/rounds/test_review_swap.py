"""What comes in for a swapped pick under `gap_driven`: another draw for a drawn one, and quotas are kept to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import toy
from oddloop.config import QuotaConfig, SelectConfig
from oddloop.errors import LedgerError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.review import Board, decide
from oddloop.rounds.review.swap import Wanted, find_replacement
from oddloop.rounds.state import RoundState
from toy import run_at

ANN = Author("Ann", 1)
MORE = """
[select.gap_driven]
control_share = 0.4
exploration_share = 0.2

[[select.quotas]]
where = { weather = "rain" }
minimum = 2
maximum = 3
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("swap") / "ws"
    config = toy.CONFIG.replace('policy = "uncertainty"', 'policy = "gap_driven"').replace("3.0", "8.0")
    toy.make_workspace(folder, config=config + MORE)
    run_at(folder)
    return Workspace.open(folder)


@pytest.fixture
def state(workspace: Workspace) -> RoundState:
    return open_ledger(workspace).round("r001")


def codes(state: RoundState) -> dict[str, str]:
    return {pick["scene_id"]: pick["reasons"][0]["code"] for pick in state.picks}


def replace_one(workspace: Workspace, state: RoundState, scene: str, without: frozenset[str] = frozenset()) -> dict:
    board = Board.of(state)
    forbidden = frozenset(s.scene_id for s in board.standings) | without
    return find_replacement(workspace, state, board, Wanted(scene, "rejected by Ann: dull", forbidden))


@pytest.mark.parametrize("code", ["control", "explore"])
def test_a_drawn_pick_is_replaced_by_another_draw_of_its_rule(
    workspace: Workspace, state: RoundState, code: str
) -> None:
    drawn = [scene for scene, rule in codes(state).items() if rule == code]
    pick = replace_one(workspace, state, drawn[0])
    assert pick["reasons"][0]["code"] == code
    assert pick["reasons"][-1]["code"] == "instead"


def test_a_drawn_replacement_is_a_draw_of_chance_and_not_of_merit(workspace: Workspace, state: RoundState) -> None:
    # Asked again without each one that came, every candidate that is left comes in its turn, in no order of worth.
    (scene, *_) = [scene for scene, rule in codes(state).items() if rule == "control"]
    came: list[str] = []
    while len(came) < 6:
        came.append(replace_one(workspace, state, scene, frozenset(came))["scene_id"])
    assert len(set(came)) == 6
    pool = workspace.storage.read_table("rounds/r001/pool.parquet").sort_by([("score", "descending")])
    by_score = [s for s in pool["scene_id"].to_pylist() if s in came]
    assert came != by_score
    assert replace_one(workspace, state, scene)["scene_id"] == came[0]  # and yet the same one if asked again


def test_what_merit_has_picked_is_replaced_by_merit(workspace: Workspace, state: RoundState) -> None:
    by_merit = [scene for scene, rule in codes(state).items() if rule in ("cover", "quota")]
    assert by_merit
    for scene in by_merit:
        assert replace_one(workspace, state, scene)["reasons"][0]["code"] in ("cover", "quota")


def test_a_pick_by_several_scores_is_replaced_by_the_same(tmp_path: Path) -> None:
    objectives = "".join(
        f'\n[[select.objectives]]\nscore = "classification_{one}_mean"\n' for one in ("entropy", "margin")
    )
    toy.make_workspace(tmp_path / "ws", config=toy.CONFIG + objectives)
    run_at(tmp_path / "ws")
    workspace = Workspace.open(tmp_path / "ws")
    state = open_ledger(workspace).round("r001")
    assert state.proposal["score"].startswith("product of classification_entropy_mean")
    pool = workspace.storage.read_table("rounds/r001/pool.parquet").sort_by([("score", "descending")])
    best = [scene for scene in pool["scene_id"].to_pylist() if scene not in state.pick_ids]
    assert replace_one(workspace, state, state.pick_ids[0])["scene_id"] in best[:3]


def weather(workspace: Workspace) -> dict[str, str]:
    scenes = workspace.storage.read_table("lake/scenes/part-0.parquet")
    return dict(zip(scenes["scene_id"].to_pylist(), scenes["weather"].to_pylist(), strict=True))


def n_rain(workspace: Workspace, scenes: list[str]) -> int:
    of = weather(workspace)
    return sum(of[scene] == "rain" for scene in scenes)


def test_quotas_hold_after_swaps(workspace: Workspace, state: RoundState) -> None:
    ledger = Ledger("sqlite://")
    ledger.append("r001", "proposed", state.proposal, key="p", author=ANN)
    pool = set(workspace.storage.read_table("rounds/r001/pool.parquet")["scene_id"].to_pylist())
    n_swapped = 0
    for scene in state.pick_ids:
        free = {s for s, of in weather(workspace).items() if of != "rain"} & pool - gone(ledger)
        if not free:  # rain is full, and nothing else is left
            with pytest.raises(LedgerError, match="stays as it was"):
                decide(workspace, ledger, "r001", scene, "swap", "dull", ANN)
            break
        before = [standing.scene_id for standing in Board.of(ledger.round("r001")).kept]
        event = decide(workspace, ledger, "r001", scene, "swap", "dull", ANN)
        after = [standing.scene_id for standing in Board.of(ledger.round("r001")).kept]
        assert n_rain(workspace, after) <= 3, event
        if codes(state)[scene] in ("cover", "quota"):
            assert n_rain(workspace, after) >= min(2, n_rain(workspace, before))
        n_swapped += 1
    assert n_swapped >= 5


def gone(ledger: Ledger) -> set[str]:
    return {standing.scene_id for standing in Board.of(ledger.round("r001")).standings}


def test_a_replacement_counts_what_is_picked_already_as_stood_for(workspace: Workspace, state: RoundState) -> None:
    scene = next(scene for scene, rule in codes(state).items() if rule in ("cover", "quota"))
    reasons = {reason["code"]: reason["text"] for reason in replace_one(workspace, state, scene)["reasons"]}
    kept = set(state.pick_ids) - {scene}
    if "(picked)" in reasons.get("novelty", ""):
        assert any(f"{pick} (picked)" in reasons["novelty"] for pick in kept)
    assert reasons["instead"] == f"instead of {scene}, rejected by Ann: dull"


def test_no_budget_and_no_folder_are_said(workspace: Workspace, state: RoundState, tmp_path: Path) -> None:
    scene = state.pick_ids[0]
    tight = replace(state, proposal={**state.proposal, "budget": sum(p["cost"] for p in state.picks) - 0.1})
    with pytest.raises(
        LedgerError, match=r"stays as it was.*0\.7 of the budget is left, and the cheapest .* costs 0\.8"
    ):
        replace_one(workspace, tight, scene)
    gone = replace(state, proposal={**state.proposal, "stages": {**state.proposal["stages"], "score": "0" * 32}})
    with pytest.raises(WorkspaceError, match=r"derived/score/0+: gone, so the policy cannot be asked"):
        replace_one(workspace, gone, scene)


def test_quotas_count_what_is_chosen(workspace: Workspace) -> None:
    from oddloop.select.quota_rows import build_quotas

    scenes = workspace.storage.read_table("lake/scenes/part-0.parquet")
    rain = scenes.filter([w == "rain" for w in scenes["weather"].to_pylist()])
    asked = SelectConfig(quotas=(QuotaConfig({"weather": "rain"}, minimum=4, maximum=5),))
    (quota,) = build_quotas(asked.quotas, rain.slice(3), scenes.slice(0, 0), rain.slice(0, 3))
    assert (quota.minimum, quota.maximum) == (1, 2)
    (full,) = build_quotas(asked.quotas, rain.slice(7), scenes.slice(0, 0), rain.slice(0, 7))
    assert (full.minimum, full.maximum) == (0, 0)
