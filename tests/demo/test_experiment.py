"""The demo's experiment on a small fleet: two arms at equal cost, resumable, and an outcome in plain words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from oddloop.cli.discover_page import write_cards
from oddloop.demo import small_fleet
from oddloop.demo.experiment import CONTROL, Arms, DemoSettings, prepare, run_rounds
from oddloop.demo.outcome import summarize_outcome
from oddloop.engine import LocalEngine
from oddloop.errors import WorkspaceError
from oddloop.report import write_report
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.shell import Shell

SETTINGS = DemoSettings(n_rounds=1, budget=20.0, seed=1, fleet=small_fleet())


def shell() -> Shell:
    return Shell("tester", LocalEngine(2))


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Arms:
    arms = prepare(tmp_path_factory.mktemp("demo") / "it's a demo", SETTINGS, shell())
    run_rounds(arms, SETTINGS.n_rounds, shell(), lambda _text: None)
    return arms


def test_both_arms_start_from_one_model_and_pay_the_same(arms: Arms) -> None:
    rounds = {name: open_ledger(workspace).rounds() for name, workspace in arms.by_name().items()}
    assert sorted(rounds) == [CONTROL, "uncertainty"]
    zero = [states[0] for states in rounds.values()]
    assert zero[0].training["digest"] == zero[1].training["digest"]
    for states in rounds.values():
        assert [s.status for s in states] == ["closed", "closed", "proposed"]
        assert states[1].labels["cost"] == pytest.approx(states[1].proposal["cost"])
        assert 0.8 * SETTINGS.budget < states[1].labels["cost"] <= SETTINGS.budget


def test_each_round_goes_through_all_states(arms: Arms) -> None:
    for workspace in arms.by_name().values():
        kinds = [event.kind for event in open_ledger(workspace).events("r001")]
        after_labels = ["labelled", "trained", "evaluated", "closed", "evidence"]
        assert kinds == ["opened", "proposed", "reviewed", "sent", "received", *after_labels]


def test_no_held_out_scene_is_ever_picked(arms: Arms) -> None:
    scenes = arms.policy.table("scenes").storage.read_table(arms.policy.table("scenes").files[0])
    split = dict(zip(scenes["scene_id"].to_pylist(), scenes["split"].to_pylist(), strict=True))
    for workspace in arms.by_name().values():
        picks = [pick for state in open_ledger(workspace).rounds() for pick in state.picks]
        assert picks
        assert {split[pick["scene_id"]] for pick in picks} == {"pool"}


def test_a_second_call_does_nothing_again(arms: Arms) -> None:
    again = prepare(arms.fleet.folder.parent, SETTINGS, shell())
    steps: list[bool] = []
    telling = dataclasses.replace(shell(), on_step=lambda step: steps.append(step.computed))
    run_rounds(again, SETTINGS.n_rounds, telling, lambda _text: None)
    assert steps
    assert not any(steps)


def test_the_outcome_names_arms_rounds_and_planted_segments(arms: Arms) -> None:
    outcome = summarize_outcome(arms, SETTINGS.seed)
    assert [row[:2] for row in outcome.rows] == [(a, r) for r in (0, 1) for a in ("uncertainty", CONTROL)]
    assert outcome.planted == ("junction=roundabout", "rain=heavy & illuminance=night")
    assert outcome.differences[0]["segment_id"] == "all"
    assert "on all held-out scenes" in outcome.verdict
    # A fleet of six logs has too few held-out ones to say why; the real one is measured in the benchmark.
    assert [c.segment_id for c in outcome.causes] == list(outcome.planted)
    assert {c.planted for c in outcome.causes} == {"data_limited", "model_limited"}
    assert all(c.because for c in outcome.causes)


def test_the_report_shows_both_arms(arms: Arms) -> None:
    report = write_report(arms.policy)
    page = Path(report.url).read_text()
    assert "random (control)" in page
    assert write_report(arms.policy).written is False


def test_the_page_of_cards_draws_scenes_of_the_fleet(arms: Arms) -> None:
    url, n_bytes = write_cards(arms.policy)
    page = Path(url).read_text()
    assert n_bytes == len(page.encode()) < 3_000_000
    assert page.count('<details class="card"') > 0
    assert page.count('<svg id="d') > 0
    assert 'class="ego' in page
    assert "have no tracks" not in page


def test_a_workspace_of_the_user_s_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "oddloop.toml").write_text('[workspace]\nname = "mine"\n')
    (tmp_path / "ledger.db").write_bytes(b"precious")
    with pytest.raises(WorkspaceError, match="a workspace of your own; give the demo another folder"):
        prepare(tmp_path, SETTINGS, shell())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ledger.db", "oddloop.toml"]


def test_a_demo_with_other_settings_is_left_alone(arms: Arms) -> None:
    other = dataclasses.replace(SETTINGS, seed=2)
    with pytest.raises(WorkspaceError, match="a demo with other settings; give another folder"):
        prepare(arms.fleet.folder.parent, other, shell())
    assert open_ledger(arms.policy).rounds()
