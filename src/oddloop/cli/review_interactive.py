"""The review on a terminal: pick by pick, with one letter each."""

from __future__ import annotations

import time

from oddloop.cli.review_decide import decide_on
from oddloop.cli.review_show import print_review, sum_line
from oddloop.cli.terminal import err, out
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.review import Board, Standing, list_review

_LETTERS = {"a": "approve", "r": "reject", "d": "defer", "s": "swap"}
_QUESTION = "[a]pprove, [r]eject, [d]efer, [s]wap, [n]ext, [q]uit: "


def review_one_by_one(workspace: Workspace, ledger: Ledger, round_id: str, name: str) -> None:
    """Ask about each pick that nobody has decided on, replacements too, until none is left or the reviewer leaves."""
    print_review(list_review(ledger.round(round_id)))
    passed: set[str] = set()
    while (standing := _next(ledger, round_id, passed)) is not None:
        _show(standing)
        letter = _ask(_QUESTION).lower()[:1]
        if letter == "q":
            break
        passed.add(standing.scene_id)
        if letter in _LETTERS:
            _record(workspace, ledger, round_id, name, standing, _LETTERS[letter])
    out.print(sum_line(list_review(ledger.round(round_id))))
    out.print("`oddloop review finish` ends the review.")


def _next(ledger: Ledger, round_id: str, passed: set[str]) -> Standing | None:
    board = Board.of(ledger.round(round_id))
    return next((s for s in board.standings if not s.decision and s.scene_id not in passed), None)


def _show(standing: Standing) -> None:
    out.print(f"\n{standing.scene_id}  costs {standing.cost:,.2f}")
    for reason in standing.pick.get("reasons", ()):
        out.print(f"  {reason['text']}")


def _record(workspace: Workspace, ledger: Ledger, round_id: str, name: str, standing: Standing, decision: str) -> None:
    reason = _ask("why: ") if decision != "approve" else ""
    # What the reviewer has seen is what was shown, whatever has come since.
    author, said = Author(name, time.time_ns()), (decision, reason, standing.seen)
    asked = decide_on(workspace, ledger, round_id, author, said, [standing.scene_id])
    for line in asked.lines:
        out.print(line)
    for error in asked.errors:
        err.print(error)


def _ask(question: str) -> str:
    try:
        return input(question).strip()
    except EOFError:
        return "q"
