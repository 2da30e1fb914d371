"""Two reviewers who decide at random, against a plain model: nothing is lost, and the budget is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import toy
from oddloop.errors import ConflictError, LedgerError
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.review import DECISIONS, Board, decide
from oddloop.rounds.state import Event
from toy import run_at

BUDGET = 4.0


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A round of scenes that cost from 0.4 to 1.6, so that what fits depends on what is kept."""
    folder = tmp_path_factory.mktemp("random") / "ws"
    toy.make_workspace(folder, config=toy.CONFIG.replace("budget = 3.0", f"budget = {BUDGET}"))
    scenes = toy.scenes_table()
    frames = pa.array(np.random.default_rng(1).integers(2, 9, scenes.num_rows))
    toy.write(folder / "lake/scenes", scenes.set_column(scenes.schema.get_field_index("n_frames"), "n_frames", frames))
    run_at(folder)
    return Workspace.open(folder)


@dataclass
class Model:
    """What stands on the board, changed step by step; the code under test folds the ledger instead."""

    costs: dict[str, float]
    events: dict[str, Event | None] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    child: dict[str, str] = field(default_factory=dict)

    def kept(self) -> list[str]:
        return [scene for scene, word in self.said.items() if word in ("", "approve")]

    def cost(self) -> float:
        return sum(self.costs[scene] for scene in self.kept())

    def seen(self, scene: str) -> int:
        event = self.events.get(scene)
        return event.seq if event else 0

    def expects(self, scene: str, decision: str, seen: int) -> type[LedgerError] | Event | None:
        """The error, the event that is there already, or None where a new event has to come."""
        if scene not in self.said:
            return LedgerError
        last = self.events[scene]
        if last and last.payload["decision"] == decision:
            return last
        if seen != self.seen(scene):
            return ConflictError
        if decision == "undo" and not self.said[scene]:
            return LedgerError
        child = self.child.get(scene, "")
        if child and self.said[child]:
            return LedgerError
        comes_in = decision in ("approve", "undo") and self.said[scene] not in ("", "approve")
        without = self.costs[child] if child else 0.0
        if comes_in and self.cost() - without + self.costs[scene] > BUDGET + 1e-9:
            return LedgerError
        return None

    def apply(self, event: Event) -> None:
        scene, decision = event.payload["scene_id"], event.payload["decision"]
        if child := self.child.pop(scene, ""):
            del self.said[child], self.events[child]
        self.events[scene], self.said[scene] = event, "" if decision == "undo" else decision
        if decision == "swap":
            new = event.payload["replacement"]["scene_id"]
            self.child[scene], self.said[new], self.events[new] = new, "", None

    def forbidden(self) -> set[str]:
        return set(self.said)


STEPS = st.lists(
    st.tuples(st.sampled_from(["Ann", "Ben"]), st.integers(0, 7), st.sampled_from(DECISIONS), st.booleans()),
    min_size=3,
    max_size=14,
)


@given(steps=STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_update_is_lost_and_the_budget_is_kept(workspace: Workspace, steps: list) -> None:
    first = open_ledger(workspace).round("r001")
    ledger = Ledger("sqlite://")
    ledger.append("r001", "proposed", first.proposal, key="p", author=Author("loop", 1))
    pool = workspace.storage.read_table("rounds/r001/pool.parquet")
    costs = dict(zip(pool["scene_id"].to_pylist(), pool["cost"].to_pylist(), strict=True))
    model = Model(costs, dict.fromkeys(first.pick_ids), dict.fromkeys(first.pick_ids, ""))
    views: dict[str, dict[str, int]] = {"Ann": {}, "Ben": {}}
    against: set[str] = set()
    for at, (name, which, decision, looks) in enumerate(steps):
        if looks:
            views[name] = {scene: model.seen(scene) for scene in model.said}
        scene = sorted(model.said)[which % len(model.said)]
        seen, n_before = views[name].get(scene, 0), len(ledger.events())
        expected = model.expects(scene, decision, seen)
        try:
            event = decide(workspace, ledger, "r001", scene, decision, "why", Author(name, at), seen=seen)
        except LedgerError as error:
            refused = error
        else:
            refused = None
        if refused is not None:
            nothing_fits = decision == "swap" and expected is None and "no replacement" in str(refused)
            assert nothing_fits or type(refused) is expected, (expected, refused)
            assert len(ledger.events()) == n_before
            continue
        if isinstance(expected, Event):
            assert event == expected
            assert len(ledger.events()) == n_before
            continue
        assert expected is None
        assert len(ledger.events()) == n_before + 1
        if decision == "swap":
            new = event.payload["replacement"]["scene_id"]
            assert new not in model.forbidden() | against
            assert new in costs  # neither labelled nor held out
        model.apply(event)
        against = {s for s, e in last_of(ledger).items() if e.payload["decision"] in ("reject", "swap", "defer")}
        views[name][scene] = event.seq
    board = Board.of(ledger.round("r001"))
    assert {s.scene_id: s.decision for s in board.standings} == model.said
    assert {s.scene_id: s.seen for s in board.standings} == {scene: model.seen(scene) for scene in model.said}
    assert len({s.scene_id for s in board.standings}) == len(board.standings)
    assert board.cost == pytest.approx(model.cost())
    assert board.cost <= BUDGET * (1 + 1e-9)


def last_of(ledger: Ledger) -> dict[str, Event]:
    return {event.payload["scene_id"]: event for event in ledger.events() if event.kind == "decided"}


def test_reviewers_at_the_same_time_each_win_or_are_told(workspace: Workspace, tmp_path: Path) -> None:
    proposal = open_ledger(workspace).round("r001").proposal
    url = f"sqlite:///{tmp_path / 'race.db'}"
    Ledger(url).append("r001", "proposed", proposal, key="p", author=Author("loop", 1))
    scenes = [pick["scene_id"] for pick in proposal["picks"]]

    def review(who: int) -> list[str]:
        ledger, outcomes = Ledger(url), []
        for scene in scenes:  # all swap all at once: each pick is swapped once, for scenes that all differ
            try:
                event = decide(workspace, ledger, "r001", scene, ("swap", "reject")[who % 2], "x", Author(f"R{who}", 2))
                outcomes.append(event.author)
            except ConflictError:
                outcomes.append("told")
            except LedgerError as error:
                assert "no replacement" in str(error)  # noqa: PT017  one of the two that are allowed
                outcomes.append("nothing fits")
        ledger.close()
        return outcomes

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(review, range(4)))
    state = Ledger(url).round("r001")
    board = Board.of(state)
    assert len({s.scene_id for s in board.standings}) == len(board.standings)
    assert board.cost <= BUDGET * (1 + 1e-9)
    for i, scene in enumerate(scenes):
        last = state.decisions[scene]
        of_scene = [outcome[i] for outcome in outcomes]
        assert last.author in of_scene
        assert set(of_scene) <= {last.author, "told", "nothing fits"}
    assert state.n_events == 1 + len(state.decisions)
