"""A round that is due is opened before its picks are made, and only where the rules of [stop] let it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.errors import LedgerError
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.shell import Step
from oddloop.select import PolicyError
from toy import label_all_picks, run_at, shell

POLICY = """
from pathlib import Path
import numpy as np

def pick(pool, budget, rng):
    said = (Path(__file__).parent / "say").read_text()
    if said == "fail":
        raise RuntimeError("out of ideas")
    return np.arange(2 if said == "pick" else 0)
"""


def ledger_of(folder: Path) -> Ledger:
    return open_ledger(Workspace.open(folder))


def kinds(folder: Path, round_id: str = "r001") -> list[str]:
    return [event.kind for event in ledger_of(folder).events(round_id)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose policy fails, picks nothing, or picks two, as the file `say` has it."""
    (tmp_path / "opening_policy.py").write_text(POLICY)
    say(tmp_path / "ws", "fail")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("opening_policy", None)
    toy.make_workspace(
        tmp_path / "ws", config=toy.CONFIG.replace('policy = "uncertainty"', 'policy = "opening_policy:pick"')
    )
    return tmp_path / "ws"


def say(folder: Path, what: str) -> None:
    (folder.parent / "say").write_text(what)


def forget_picks(folder: Path) -> None:
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace("budget = 3.0", "budget = 2.9"))


@pytest.mark.parametrize("rules", ["", "[stop]\nbudget = 100.0"])
def test_a_policy_that_fails_leaves_the_round_open_and_the_next_run_picks_for_it(folder: Path, rules: str) -> None:
    path = folder / "oddloop.toml"
    path.write_text(f"{path.read_text()}\n{rules}\n")
    for _ in range(2):
        with pytest.raises(PolicyError, match="out of ideas"):
            run_at(folder)
    (state,) = ledger_of(folder).rounds()
    assert (state.status, state.picks, state.cost) == ("opened", [], 0.0)
    say(folder, "pick")
    assert run_at(folder).status == "proposed"
    assert kinds(folder) == ["opened", "proposed"]
    assert len(ledger_of(folder).round("r001").picks) == 2


def test_no_picks_wait_for_candidates_and_commands_say_so(folder: Path) -> None:
    say(folder, "nothing")
    call = CliRunner().invoke
    ended = call(app, ["run", "-w", str(folder)])
    assert ended.exit_code == 0, ended.output
    assert "r001 is opened, waiting for candidates: the policy wants no more" in ended.output
    assert call(app, ["rounds", "-w", str(folder)]).exit_code == 0
    assert call(app, ["rounds", "show", "r001", "-w", str(folder)]).exit_code == 0
    with pytest.raises(LedgerError, match="round r001 has no picks to report"):
        call(app, ["report", "r001", "-w", str(folder)], catch_exceptions=False)


@pytest.mark.parametrize("rule", ["rounds = 1", "budget = 1.0"])
def test_a_stopped_loop_opens_no_round_even_where_the_policy_fails(folder: Path, rule: str) -> None:
    say(folder, "pick")
    run_at(folder)
    label_all_picks(folder, "r001")
    path = folder / "oddloop.toml"
    path.write_text(f"{path.read_text()}\n[stop]\n{rule}\n")
    assert run_at(folder).status == "stopped"
    assert [state.round_id for state in ledger_of(folder).rounds()] == ["r001"]
    if rule.startswith("rounds"):  # a rule that need not see picks is asked before the policy
        say(folder, "fail")
        forget_picks(folder)
        with pytest.raises(PolicyError):
            run_at(folder)
        assert [state.round_id for state in ledger_of(folder).rounds()] == ["r001"]
    say(folder, "pick")
    assert run(Workspace.open(folder), shell(), go_on=True).round_id == "r002"
    assert kinds(folder, "r002") == ["opened", "proposed"]


def test_a_ledger_of_before_goes_on_without_opened(folder: Path) -> None:
    say(folder, "pick")
    ledger_of(folder).append(
        "r001", "proposed", {"picks": [{"scene_id": "log1/s0"}], "cost": 1.0}, key="old", author=Author("old", 1)
    )
    run_at(folder)
    assert kinds(folder) == ["proposed", "proposed"]


def test_a_decision_at_the_last_moment_keeps_the_picks(folder: Path) -> None:
    say(folder, "pick")
    run_at(folder)
    ledger = ledger_of(folder)
    first = ledger.round("r001").pick_ids
    forget_picks(folder)

    made: list[Step] = []

    def decide_as_the_picks_are_recorded() -> int:
        if made and not ledger.round("r001").decisions:
            payload = {"scene_id": first[0], "decision": "approve", "reason": ""}
            ledger.append("r001", "decided", payload, key="x", author=Author("Ann", 2))
        return 7

    hooks = replace(shell(), now_ns=decide_as_the_picks_are_recorded)
    run(
        Workspace.open(folder),
        replace(hooks, on_step=lambda step: made.append(step) if step.name == "select" else None),
    )
    assert kinds(folder) == ["opened", "proposed", "decided"]
