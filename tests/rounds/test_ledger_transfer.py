"""A ledger goes out as JSON lines and comes in again the same, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from oddloop.errors import LedgerError
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.ledger.lines import parse_lines, to_line

Line = dict[str, Any]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = Ledger(ledger_url)
    yield opened
    opened.close()


@pytest.fixture
def source(tmp_path: Path) -> Ledger:
    """A round with everything in it, and what stands beside rounds."""
    made = Ledger(f"sqlite:///{tmp_path / 'source.db'}")
    picks = [{"scene_id": "s1", "cost": 1.5, "reasons": [{"text": "für «Nacht» 🚗"}]}, {"scene_id": "s2", "cost": None}]
    steps = (
        ("discovery", "clustered", {"n_clusters": 2}),
        ("r001", "proposed", {"picks": picks, "cost": 1e-17}),
        ("r001", "decided", {"scene_id": "s2", "decision": "reject", "reason": "line\nbreak\u2028"}),
        ("r001", "reviewed", {"picks": picks[:1]}),
        ("r001", "labelled", {"n_scenes": 1, "cost": float("nan")}),
        ("r002", "opened", {}),
    )
    for at_ns, (round_id, kind, payload) in enumerate(steps, start=1_790_000_000_000_000_001):
        made.append(round_id, kind, payload, key="k", author=Author("bob", at_ns))
    return made


def lines_of(ledger: Ledger) -> list[bytes]:
    return [to_line(event).encode() for event in ledger.events()]


def test_a_round_trip_changes_nothing(source: Ledger, ledger: Ledger, tmp_path: Path) -> None:
    lines = lines_of(source)
    imported = ledger.take_in(parse_lines(lines))
    assert (imported.n_new, imported.n_known) == (6, 0)
    assert lines_of(ledger) == lines
    back = Ledger(f"sqlite:///{tmp_path / 'back.db'}")
    back.take_in(parse_lines(lines_of(ledger)))
    assert lines_of(back) == lines
    assert repr(back.rounds()) == repr(source.rounds())  # by their words: a cost is no number, which equals nothing


def test_an_import_twice_adds_nothing(source: Ledger, ledger: Ledger) -> None:
    ledger.take_in(parse_lines(lines_of(source)[:3]))
    imported = ledger.take_in(parse_lines(lines_of(source)))
    assert (imported.n_new, imported.n_known) == (3, 3)
    again = ledger.take_in(parse_lines(lines_of(source)))
    assert (again.n_new, again.n_known) == (0, 6)
    assert lines_of(ledger) == lines_of(source)


def test_events_of_another_round_come_after_what_is_there(source: Ledger, ledger: Ledger) -> None:
    ledger.append("r000", "labelled", {}, key="l", author=Author("me", 1))
    ledger.take_in(parse_lines(lines_of(source)))
    assert [event.seq for event in ledger.events()] == [1, 2, 3, 4, 5, 6, 7]
    assert ledger.append("r000", "closed", {}, key="c", author=Author("me", 1)).seq == 8


def test_gaps_of_a_ledger_are_kept(source: Ledger, ledger: Ledger) -> None:
    lines = [line for number, line in enumerate(lines_of(source)) if number in (0, 1, 5)]
    ledger.take_in(parse_lines(lines))
    assert [event.seq for event in ledger.events()] == [1, 2, 6]
    assert ledger.append("r002", "proposed", {}, key="p", author=Author("me", 1)).seq == 7


def with_field(name: str, value: object) -> Callable[[Line], Line]:
    return lambda line: {**line, name: value}


def without(name: str) -> Callable[[Line], Line]:
    return lambda line: {k: v for k, v in line.items() if k != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("author"), "author missing"),
        (with_field("colour", 1), "unknown colour"),
        (with_field("format", 2), "format 2, this oddloop reads 1; upgrade oddloop"),
        (with_field("format", "1"), "format '1', this oddloop reads 1"),
        (with_field("seq", 2), "seq 2 after 2: lines must stand in the order"),
        (with_field("seq", True), "seq is True; it must be a whole number from 1"),
        (with_field("seq", 2**31), "seq is 2147483648; it must be a whole number from 1 to 2147483647"),
        (with_field("at_ns", 1.5), "at_ns is 1.5; it must be a whole number"),
        (with_field("at_ns", 2**63), "at_ns is 9223372036854775808; it must"),
        (with_field("author", None), "author is None; it must be text"),
        (with_field("author", "a\0"), "an event's author holds a character that no database can keep"),
        (with_field("payload", []), r"payload is \[\]; it must be an object"),
        (with_field("payload", {"scene_id": "\ud800"}), "an event's payload holds a character"),
        (with_field("payload", {}), "round r001: a decision without scene_id"),
        (with_field("key", "k"), "key 'k' does not begin with r001/decided/"),
        (lambda line: {**line, "kind": "trained", "key": "r001/trained/k"}, "round r001 is proposed: it cannot become"),
        (lambda line: {**line, "round_id": "one", "key": "one/decided/k"}, "'one' is no round"),
        (lambda _line: [], "not a JSON object"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_is_imported(source: Ledger, tmp_path: Path, change: Any, message: str) -> None:
    target = Ledger(f"sqlite:///{tmp_path / 'target.db'}")
    lines = lines_of(source)
    lines[2] = json.dumps(change(json.loads(lines[2]))).encode()
    with pytest.raises(LedgerError, match=f"line 3: {message}"):
        target.take_in(parse_lines(lines))
    assert target.events() == []


@pytest.mark.parametrize("line", [b"", b"{", b"\xff", b'{"format": 1} {"format": 1}', b"[" * 100_000, b"9" * 5000])
def test_a_line_that_is_no_json_is_named(source: Ledger, tmp_path: Path, line: bytes) -> None:
    target = Ledger(f"sqlite:///{tmp_path / 'target.db'}")
    with pytest.raises(LedgerError, match=r"line 3: not one JSON object; the file may be cut off"):
        target.take_in(parse_lines([*lines_of(source)[:2], line]))
    assert target.events() == []


def test_a_file_cut_off_anywhere_within_a_line_is_refused(source: Ledger, tmp_path: Path) -> None:
    target = Ledger(f"sqlite:///{tmp_path / 'target.db'}")
    content = b"\n".join(lines_of(source)[:2])
    begin = content.index(b"\n") + 2
    for end in range(begin, len(content)):
        with pytest.raises(LedgerError, match="line 2: "):
            target.take_in(parse_lines(content[:end].splitlines()))
    assert target.events() == []


@pytest.mark.parametrize("field", ["at_ns", "author", "tool_version", "payload"])
def test_another_event_under_a_known_key_is_refused(source: Ledger, ledger: Ledger, field: str) -> None:
    lines = lines_of(source)
    ledger.take_in(parse_lines(lines[:3]))
    value = {"at_ns": 3, "payload": {"scene_id": "s2"}}.get(field, "other")
    lines[2] = json.dumps({**json.loads(lines[2]), field: value}).encode()
    with pytest.raises(
        LedgerError, match=f"line 3: another event is known under the key 'r001/decided/k': its {field}"
    ):
        ledger.take_in(parse_lines(lines))
    assert len(ledger.events()) == 3


def test_a_key_twice_in_a_file_with_other_content_is_refused(source: Ledger, tmp_path: Path) -> None:
    target = Ledger(f"sqlite:///{tmp_path / 'target.db'}")
    lines = lines_of(source)
    twice = json.dumps({**json.loads(lines[2]), "seq": 9, "author": "eve"}).encode()
    with pytest.raises(LedgerError, match="line 7: another event is known"):
        target.take_in(parse_lines([*lines, twice]))
    assert target.events() == []


def test_what_the_ledger_has_moved_past_is_refused(source: Ledger, ledger: Ledger) -> None:
    ledger.take_in(parse_lines(lines_of(source)[:2]))
    ledger.append("r001", "labelled", {}, key="mine", author=Author("me", 1))
    with pytest.raises(LedgerError, match="line 3: round r001 is labelled: it cannot become decided"):
        ledger.take_in(parse_lines(lines_of(source)))
    assert len(ledger.events()) == 3
