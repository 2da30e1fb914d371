"""Any sequence of what people and programs do to a ledger, against a model too simple to be wrong."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from oddloop.errors import LedgerError
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.ledger.lines import parse_lines, to_line
from oddloop.rounds.state import BESIDE_ROUNDS, MOVES, STAYS, Event, RoundState

WHO = st.integers(0, 1)
ROUNDS = st.sampled_from(["r001", "r001", "r002", "discovery"])
KINDS = st.sampled_from(sorted({kind for kinds in MOVES.values() for kind in kinds} | {"elsewhere"}))
KEYS = st.sampled_from(["a", "b", "a#2", "é/ü"])
SCENES = st.sampled_from(["s1", "s2", "s3"])
OPEN = ("", "opened", "proposed")
RETURNING = ("sent", "received", "evidence")
"""What is news again after another one of its kind."""
PICKS = st.lists(SCENES, unique=True).map(lambda scenes: [{"scene_id": scene} for scene in scenes])
PAYLOADS = st.fixed_dictionaries({"scene_id": SCENES}, optional={"picks": PICKS, "note": st.text()})


class Model:
    """The ledger as a list; everything is found by going through all of it."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []  # key, round, kind, time, author, payload

    def states(self, as_of: int | None = None) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for key, round_id, kind, _, _, payload in self.events[:as_of]:
            if round_id in BESIDE_ROUNDS:
                continue
            state = found.setdefault(round_id, {"status": "", "picks": [], "decisions": {}, "reviewed": False})
            if kind == "decided":
                state["decisions"][payload["scene_id"]] = key
                continue
            if kind in STAYS:
                continue
            state["status"] = kind
            if kind == "proposed":
                state["decisions"] = {}
            if kind == "reviewed" or (kind == "proposed" and not state["reviewed"]):
                state["picks"] = [pick["scene_id"] for pick in payload.get("picks", [])]
                state["reviewed"] = kind == "reviewed"
        return found

    def append(self, round_id: str, kind: str, key: str, rest: tuple[Any, ...]) -> str:
        """`known`, `refused`, or `new`; only the last changes anything."""
        full = f"{round_id}/{kind}/{key}"
        mine = [event for event in self.events if event[1] == round_id]
        if kind in ("proposed", *RETURNING):
            same = [event for event in mine if kind == "proposed" or event[2] == kind]
            if same and (same[-1][0] == full or same[-1][0].rpartition("#")[0] == full):
                return "known"
        elif any(event[0] == full for event in mine):
            return "known"
        status = self.states().get(round_id, {}).get("status", "")
        if round_id not in BESIDE_ROUNDS and kind not in MOVES[status]:
            return "refused"
        if any(event[0] == full for event in mine):
            full = f"{full}#{len(self.events) + 1}"
        self.events.append((full, round_id, kind, *rest))
        return "new"


class LedgerMachine(RuleBasedStateMachine):
    """Two people with a ledger opened each, who append, look, close, export and import."""

    def __init__(self, new_url: Callable[[], str]) -> None:
        super().__init__()
        self.url, self.model, self.clock = new_url(), Model(), 0
        self.ledgers = [Ledger(self.url), Ledger(self.url)]
        self.folder = Path(tempfile.mkdtemp())

    def teardown(self) -> None:
        for ledger in self.ledgers:
            ledger.close()
        shutil.rmtree(self.folder)

    @rule(who=WHO, round_id=ROUNDS, kind=KINDS, key=KEYS, payload=PAYLOADS)
    def append(self, who: int, round_id: str, kind: str, key: str, payload: dict[str, Any]) -> None:
        self.clock += 10
        author = Author(f"person{who}", self.clock)
        n_before = len(self.model.events)
        expected = self.model.append(round_id, kind, key, (author.at_ns, author.name, payload))
        if expected == "refused":
            with pytest.raises(LedgerError, match=f"{round_id} is .*: it cannot become {kind}"):
                self.ledgers[who].append(round_id, kind, payload, key=key, author=author)
            return
        event = self.ledgers[who].append(round_id, kind, payload, key=key, author=author)
        assert (event.seq == n_before + 1) == (expected == "new")
        assert plain(event) == self.model.events[event.seq - 1]

    @rule(round_id=ROUNDS, steps=st.lists(st.tuples(WHO, st.integers(0, 99), KEYS, PAYLOADS), min_size=1, max_size=8))
    def go_on(self, round_id: str, steps: list[tuple[int, int, str, dict[str, Any]]]) -> None:
        """What the round's state allows, mostly on its picks: chance alone would seldom get far."""
        for who, choice, key, payload in steps:
            status = self.model.states().get(round_id, {}).get("status", "")
            kinds = MOVES[status] or ("closed",)
            kinds += 2 * tuple(kind for kind in kinds if kind in ("proposed", "decided"))
            self.append(who, round_id, kinds[choice % len(kinds)], key, payload)

    @rule(who=WHO, round_id=ROUNDS, payload=PAYLOADS)
    def refuse_by_guard(self, who: int, round_id: str, payload: dict[str, Any]) -> None:
        asked: list[Any] = []

        def guard(state: Any) -> None:
            asked.append(view(state) if state else None)
            raise LedgerError("no")

        kind = "proposed" if self.model.states().get(round_id, {}).get("status", "") in OPEN else "closed"
        with pytest.raises(LedgerError):
            self.ledgers[who].append(round_id, kind, payload, key="guarded", author=Author("me", 1), guard=guard)
        assert asked in ([], [self.model.states().get(round_id)])

    @rule(who=WHO)
    def open_again(self, who: int) -> None:
        self.ledgers[who].close()
        self.ledgers[who] = Ledger(self.url)

    @rule(who=WHO, data=st.data())
    def look_back(self, who: int, data: st.DataObject) -> None:
        as_of = data.draw(st.integers(0, len(self.model.events)))
        assert seen(self.ledgers[who], as_of=as_of) == self.model.states(as_of)
        assert self.ledgers[who].seq_at(10 * self.clock) == len(self.model.events)
        if as_of:
            assert self.ledgers[who].seq_at(self.model.events[as_of - 1][3]) == as_of

    @precondition(lambda self: self.model.events)
    @rule(who=WHO)
    def export_and_import(self, who: int) -> None:
        lines = [to_line(event).encode() for event in self.ledgers[who].events()]
        assert self.ledgers[who].take_in(parse_lines(lines)).n_new == 0
        elsewhere = Ledger(f"sqlite:///{self.folder}/{len(list(self.folder.iterdir()))}.db")
        elsewhere.take_in(parse_lines(lines))
        assert elsewhere.events() == self.ledgers[who].events()
        elsewhere.close()

    @rule(who=WHO)
    def look(self, who: int) -> None:
        assert seen(self.ledgers[who]) == self.model.states()

    @rule(who=WHO, round_id=ROUNDS)
    def look_at_one(self, who: int, round_id: str) -> None:
        if known := self.model.states().get(round_id):
            assert view(self.ledgers[who].round(round_id)) == known

    @invariant()
    def what_is_recorded_is_what_was_acknowledged(self) -> None:
        events = self.ledgers[0].events()
        assert [plain(event) for event in events] == self.model.events
        assert [event.seq for event in events] == list(range(1, len(events) + 1))


def plain(event: Event) -> tuple[Any, ...]:
    return event.key, event.round_id, event.kind, event.at_ns, event.author, event.payload


def view(state: RoundState) -> dict[str, Any]:
    return {
        "status": state.status,
        "picks": state.pick_ids,
        "decisions": {scene: event.key for scene, event in state.decisions.items()},
        "reviewed": bool(state.review),
    }


def seen(ledger: Ledger, **moment: int) -> dict[str, dict[str, Any]]:
    return {state.round_id: view(state) for state in ledger.rounds(**moment)}


def test_any_sequence_of_deeds_on_sqlite(tmp_path: Path) -> None:
    numbers = iter(range(10**6))
    few = settings(max_examples=20, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(lambda: LedgerMachine(lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db"), settings=few)


@pytest.mark.system
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_many_sequences_of_deeds(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    numbers = iter(range(10**6))
    many = settings(max_examples=40, stateful_step_count=30, deadline=None)
    if database == "postgresql":
        new_url = request.getfixturevalue("postgres").new_ledger
    else:
        new_url = lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db"  # noqa: E731
    run_state_machine_as_test(lambda: LedgerMachine(new_url), settings=many)
