"""The ledger: append-only, durable, idempotent by key, and strict about what may follow what."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from oddloop.errors import LedgerError
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.state import MOVES, STAYS, Event, RoundState, fold

ME = Author("tester", 7)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = Ledger(ledger_url)
    yield opened
    opened.close()


def propose(ledger: Ledger, key: str, *scene_ids: str) -> Event:
    return ledger.append("r001", "proposed", {"picks": [{"scene_id": s} for s in scene_ids]}, key=key, author=ME)


def test_an_event_keeps_author_time_version_and_payload(ledger: Ledger) -> None:
    from oddloop import __version__

    propose(ledger, "a", "s1")
    (event,) = ledger.events()
    assert (event.seq, event.round_id, event.kind) == (1, "r001", "proposed")
    assert (event.author, event.at_ns, event.tool_version) == ("tester", 7, __version__)
    assert event.payload == {"picks": [{"scene_id": "s1"}]}


def test_the_same_event_twice_is_recorded_once(ledger: Ledger) -> None:
    assert propose(ledger, "a") == propose(ledger, "a")
    assert len(ledger.events()) == 1


def test_a_new_proposal_supersedes_the_old_one_and_both_are_kept(ledger: Ledger) -> None:
    propose(ledger, "a", "s1")
    propose(ledger, "b", "s2")
    assert [p["scene_id"] for p in ledger.round("r001").picks] == ["s2"]
    assert len(ledger.events("r001")) == 2


def test_going_back_to_an_earlier_proposal_is_an_event_too(ledger: Ledger) -> None:
    for key, scene in (("a", "s1"), ("b", "s2"), ("a", "s1")):
        propose(ledger, key, scene)
    assert [p["scene_id"] for p in ledger.round("r001").picks] == ["s1"]
    propose(ledger, "a", "s1")
    assert len(ledger.events("r001")) == 3


def test_it_is_on_disk_when_append_returns(tmp_path: Path) -> None:
    propose(Ledger(f"sqlite:///{tmp_path / 'ledger.db'}"), "a")
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        assert other.execute("select count(*) from events").fetchone() == (1,)
        assert other.execute("pragma journal_mode").fetchone() == ("wal",)


LEGAL = [(status, kind) for status, kinds in MOVES.items() for kind in kinds]
KINDS = sorted({kind for _, kind in LEGAL})


def reach(ledger: Ledger, status: str) -> None:
    """Bring r001 to a status by a shortest legal way."""
    ways: dict[str, list[str]] = {"": []}
    queue = [""]
    for at in queue:
        for kind in MOVES[at]:
            if kind not in ways and kind not in STAYS:
                ways[kind] = [*ways[at], kind]
                queue.append(kind)
    for i, kind in enumerate(ways[status]):
        ledger.append("r001", kind, {}, key=f"way{i}", author=ME)


@pytest.mark.parametrize("status", MOVES)
@pytest.mark.parametrize("kind", KINDS)
def test_only_legal_moves_are_taken(ledger: Ledger, status: str, kind: str) -> None:
    reach(ledger, status)
    n_before = len(ledger.events())
    if (status, kind) in LEGAL:
        ledger.append("r001", kind, {"scene_id": "s1"}, key="next", author=ME)
        assert ledger.round("r001").status == (status if kind in STAYS else kind)
    else:
        with pytest.raises(LedgerError, match=f"r001 is .*: it cannot become {kind}; it may become"):
            ledger.append("r001", kind, {}, key="next", author=ME)
        assert len(ledger.events()) == n_before


def test_an_unknown_round_names_the_known_ones(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="round 'r009' does not exist; rounds: none yet; `oddloop run` proposes"):
        ledger.round("r009")
    propose(ledger, "a")
    with pytest.raises(LedgerError, match="rounds: r001"):
        ledger.round("r009")


def test_a_ledger_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot open the ledger: unable to open database file"):
        Ledger(f"sqlite:///{tmp_path / 'missing' / 'ledger.db'}")


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) is None


def test_a_key_that_begins_like_another_is_another_event(ledger: Ledger) -> None:
    propose(ledger, "ab", "s1")
    propose(ledger, "a", "s2")
    assert [p["scene_id"] for p in ledger.round("r001").picks] == ["s2"]
    assert len(ledger.events()) == 2


def test_two_writers_cannot_both_move_one_round(ledger: Ledger, ledger_url: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    propose(ledger, "a", "s1")

    def label(number: int) -> str:
        other = Ledger(ledger_url)
        try:
            other.append("r001", "labelled", {"by": number}, key=f"by{number}", author=ME)
            return "taken"
        except LedgerError:
            return "refused"
        finally:
            other.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(label, range(8)))
    assert sorted(answers) == ["refused"] * 7 + ["taken"]
    assert [event.kind for event in ledger.events()] == ["proposed", "labelled"]


def decide(ledger: Ledger, scene_id: str, decision: str) -> Event:
    payload = {"scene_id": scene_id, "decision": decision}
    return ledger.append("r001", "decided", payload, key=f"{scene_id}/{decision}", author=ME)


def test_the_last_decision_on_a_scene_counts_until_another_proposal(ledger: Ledger) -> None:
    propose(ledger, "a", "s1", "s2")
    decide(ledger, "s1", "approve")
    decide(ledger, "s1", "reject")
    state = ledger.round("r001")
    assert {scene: event.payload["decision"] for scene, event in state.decisions.items()} == {"s1": "reject"}
    assert (state.status, state.pick_ids) == ("proposed", ["s1", "s2"])
    propose(ledger, "b", "s1")
    assert ledger.round("r001").decisions == {}


def test_the_picks_are_those_that_review_has_left(ledger: Ledger) -> None:
    propose(ledger, "a", "s1", "s2")
    ledger.append("r001", "reviewed", {"picks": [{"scene_id": "s2"}]}, key="a", author=ME)
    assert ledger.round("r001").pick_ids == ["s2"]


def test_a_guard_sees_the_round_as_it_is_and_can_refuse(ledger: Ledger) -> None:
    propose(ledger, "a", "s1")
    seen: list[RoundState | None] = []

    def refuse(state: RoundState | None) -> None:
        seen.append(state)
        raise LedgerError("somebody else was first")

    with pytest.raises(LedgerError, match="somebody else was first"):
        ledger.append("r001", "sent", {}, key="a", author=ME, guard=refuse)
    assert seen == [ledger.round("r001")] == ledger.rounds()  # what a guard has seen is not counted twice
    assert [event.kind for event in ledger.events()] == ["proposed"]


def test_a_key_may_hold_any_character(ledger: Ledger) -> None:
    propose(ledger, "a")
    for _ in range(2):
        ledger.append("r001", "decided", {"scene_id": "s#1/é"}, key="s#1/é#2", author=ME)
    assert [event.key for event in ledger.events()] == ["r001/proposed/a", "r001/decided/s#1/é#2"]


@pytest.mark.parametrize("text", ["a\0b", "half \ud800"])
def test_what_no_database_can_keep_is_refused(ledger: Ledger, text: str) -> None:
    with pytest.raises(LedgerError, match="author holds a character that no database can keep"):
        ledger.append("r001", "proposed", {}, key="a", author=Author(text, 1))
    assert ledger.events() == []


@pytest.mark.parametrize(
    ("kind", "payload", "message"),
    [
        ("decided", {"decision": "approve"}, "a decision without scene_id"),
        ("reviewed", {"picks": ["s1"]}, "reviewed with picks that are no list of objects with scene_id"),
    ],
)
def test_what_cannot_be_folded_is_refused(ledger: Ledger, kind: str, payload: dict, message: str) -> None:
    propose(ledger, "a")
    with pytest.raises(LedgerError, match=f"round r001: {message}"):
        ledger.append("r001", kind, payload, key="a", author=ME)
    assert len(ledger.events()) == 1


def test_states_are_as_they_were_after_any_event(ledger: Ledger) -> None:
    propose(ledger, "a", "s1", "s2")
    decide(ledger, "s1", "reject")
    propose(ledger, "b", "s3")
    ledger.append("r001", "labelled", {}, key="l", author=ME)
    ledger.append("r002", "opened", {}, key="o", author=ME)
    n_decisions = [len(ledger.round("r001", as_of=seq).decisions) for seq in range(1, 6)]
    assert n_decisions == [0, 1, 0, 0, 0]
    statuses = [[s.status for s in ledger.rounds(as_of=seq)] for seq in range(7)]
    assert statuses == [[], *[["proposed"]] * 3, ["labelled"], *[["labelled", "opened"]] * 2]
    assert ledger.rounds() == ledger.rounds(as_of=5)
    with pytest.raises(LedgerError, match="round 'r002' does not exist; rounds: r001"):
        ledger.round("r002", as_of=4)


def test_a_moment_is_before_the_first_event_that_is_later(ledger: Ledger) -> None:
    for key, at_ns in (("a", 10), ("b", 20), ("c", 15), ("d", 30)):  # the clock of c is slow
        ledger.append("r001", "proposed", {}, key=key, author=Author("me", at_ns))
    assert [ledger.seq_at(at_ns) for at_ns in (9, 10, 15, 20, 30, 99)] == [0, 1, 1, 3, 4, 4]


def test_what_others_record_is_seen(ledger: Ledger, ledger_url: str) -> None:
    propose(ledger, "a", "s1")
    assert [s.status for s in ledger.rounds()] == ["proposed"]
    other = Ledger(ledger_url)
    other.append("r000", "labelled", {}, key="l", author=ME)
    decide(other, "s1", "reject")
    other.close()
    assert [(s.round_id, s.status, len(s.decisions)) for s in ledger.rounds()] == [
        ("r001", "proposed", 1),
        ("r000", "labelled", 0),
    ]
    assert ledger.round("r001") == ledger.rounds()[0]


def test_what_is_sent_elsewhere_and_back_is_recorded_each_time(ledger: Ledger) -> None:
    propose(ledger, "a", "s1")
    for tool in ("server", "server", "csv", "server"):
        ledger.append("r001", "sent", {"tool": tool}, key=tool, author=ME)
    assert [event.payload["tool"] for event in ledger.events("r001")[1:]] == ["server", "csv", "server"]
    assert ledger.round("r001").sending == {"tool": "server"}
