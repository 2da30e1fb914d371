"""The ledger: append-only, durable, idempotent by key, and strict about what may follow what."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from oddloop.errors import LedgerError
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.state import MOVES, STAYS, Event, RoundState, fold

ME = Author("tester", 7)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


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


def test_it_is_on_disk_when_append_returns(ledger: Ledger, tmp_path: Path) -> None:
    propose(ledger, "a")
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


def test_a_ledger_of_another_format_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        other.execute("update meta set value = '99'")
    with pytest.raises(LedgerError, match="ledger format 99, this oddloop reads 1"):
        Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


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


def test_two_writers_cannot_both_move_one_round(ledger: Ledger, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    propose(ledger, "a", "s1")

    def label(number: int) -> str:
        other = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
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
    assert seen == [ledger.round("r001")]
    assert [event.kind for event in ledger.events()] == ["proposed"]
