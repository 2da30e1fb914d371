"""What the intake has answered: written before an answer is given, found again where the same is asked again.

A question has a request id of who asks; with the scene's id it is the question's key. All that an answer depends on is
read in the transaction that records it, and writers take turns, so that limits hold for several servers together and
over restarts. Time grows with the questions of a call, and with the logarithm of what is recorded.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.intake import statements
from oddloop.rounds.intake.schema import INTAKE_FORMAT, META, METADATA
from oddloop.rounds.intake.turns import Turns
from oddloop.rounds.ledger.database import Database
from oddloop.rounds.ledger.opening import ledger_url
from oddloop.select.intake import Asked, Hour, Rules, answer_all

HOUR_NS = 3_600_000_000_000
_LOWEST = -1e300
"""Stands for minus infinity, which not every database keeps."""


@dataclass(frozen=True)
class Question:
    """Is this scene kept? `request_id` tells a question that is asked again from a new one."""

    scene_id: str
    request_id: str
    segment: str = ""
    score: float | None = None
    author: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other questions."""
        return self.scene_id, self.request_id


@dataclass(frozen=True)
class Recorded:
    """A recorded answer; see `select.intake.Answer`. `seq` numbers them in the order in which they were recorded."""

    seq: int
    scene_id: str
    request_id: str
    keep: bool
    reason: str
    segment: str
    score: float | None
    threshold: float | None
    model_id: str
    hour: int
    drawn: float
    instead_of: str
    at_ns: int
    author: str


class IntakeRecord:
    """The record of a workspace."""

    def __init__(self, url: str) -> None:
        """Open it, and make it where there is none.

        Raises:
            LedgerError: the database cannot be reached, or the record is of a newer format.
        """
        self._database = Database(url, "the intake's record", ("wal_autocheckpoint=0",))
        file = sa.make_url(url).database
        self._turns = Turns(Path(file)) if self._database.is_sqlite and file else None
        with self._database.writing("open") as connection:
            METADATA.create_all(connection)
            found = connection.execute(sa.select(META.c.format)).scalar()
            if found is None:
                connection.execute(META.insert().values(format=INTAKE_FORMAT))
            elif found != INTAKE_FORMAT:
                raise LedgerError(
                    f"{self._database.place}: the intake's record has format {found}, this oddloop reads "
                    f"{INTAKE_FORMAT}; upgrade oddloop"
                )

    def close(self) -> None:
        """Release the database."""
        if self._turns is not None:
            self._turns.close()
        self._database.close()

    def answer(self, questions: Sequence[Question], rules: Rules, model_id: str, at_ns: int) -> list[Recorded]:
        """Answers in the order of the questions, all of them durable when this returns.

        Args:
            questions: what is asked; one that was answered before gets the answer that it got.
            rules: what is kept now.
            model_id: whose scores they are.
            at_ns: now, which says what hour it is.

        Raises:
            LedgerError: the database cannot be reached; nothing of the call was recorded.
        """
        with self._turn(), self._database.writing() as connection:
            known = _known(connection, questions)
            new = {q.key: q for q in questions if q.key not in known}
            if new:
                known |= _record(connection, list(new.values()), rules, model_id, at_ns)
        return [known[question.key] for question in questions]

    def _turn(self) -> AbstractContextManager[None]:
        """Wait for one's turn; PostgreSQL has turns of its own."""
        return self._turns.turn() if self._turns is not None else contextlib.nullcontext()

    def answers(self, *, since: int = 0, limit: int = 1000) -> list[Recorded]:
        """Recorded answers of a higher number than `since`, in the order in which they were recorded."""
        with self._database.reading() as connection:
            rows = connection.execute(statements.LIST_ANSWERS, {"since": since, "n": limit})
            return [Recorded(*row) for row in rows]

    def kept(self) -> list[tuple[int, str, int]]:
        """(hour, segment, scenes kept) of all hours, in this order."""
        with self._database.reading() as connection:
            rows = connection.execute(statements.LIST_HOURS)
            return [(int(row.hour), str(row.segment), int(row.n_kept)) for row in rows]


def open_record(workspace: Workspace) -> IntakeRecord:
    """The record of a workspace.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named.
        LedgerError: as `IntakeRecord`.
    """
    return IntakeRecord(ledger_url(workspace, "intake.db"))


def _known(connection: sa.Connection, questions: Sequence[Question]) -> dict[tuple[str, str], Recorded]:
    wanted = {question.key for question in questions}
    ids, requests = ({key[i] for key in wanted} for i in (0, 1))
    rows = connection.execute(statements.FIND_ANSWERS, {"scene_ids": list(ids), "requests": list(requests)})
    found = [Recorded(*row) for row in rows]
    return {(a.scene_id, a.request_id): a for a in found if (a.scene_id, a.request_id) in wanted}


def _record(
    connection: sa.Connection, questions: list[Question], rules: Rules, model_id: str, at_ns: int
) -> dict[tuple[str, str], Recorded]:
    hour = _read_hour(connection, at_ns // HOUR_NS, questions)
    answers = answer_all([Asked(q.scene_id, q.segment, q.score) for q in questions], rules, hour)
    first = (connection.execute(statements.LAST_SEQ).scalar() or 0) + 1
    recorded = [
        Recorded(
            *(seq, q.scene_id, q.request_id, a.keep, a.reason, q.segment, q.score, rules.threshold, model_id),
            *(hour.hour, max(a.drawn, _LOWEST), a.instead_of, at_ns, q.author),
        )
        for seq, q, a in zip(itertools.count(first), questions, answers, strict=False)
    ]
    connection.execute(statements.ADD_ANSWERS, [vars(answer) for answer in recorded])
    _write_places(connection, [answer for answer in recorded if answer.reason in ("kept", "drawn")], hour.n_kept)
    return {(answer.scene_id, answer.request_id): answer for answer in recorded}


def _read_hour(connection: sa.Connection, hour: int, questions: Sequence[Question]) -> Hour:
    """What the answers depend on, and no more of it than that."""
    n_kept = {str(row.segment): int(row.n_kept) for row in connection.execute(statements.COUNT_HOUR, {"hour": hour})}
    weakest = {}
    for segment in sorted({question.segment for question in questions} & n_kept.keys()):
        asked = {"hour": hour, "segment": segment, "n": len(questions)}
        rows = connection.execute(statements.FIND_WEAKEST, asked)
        weakest[segment] = [(float(row.drawn), str(row.scene_id)) for row in rows]
    ids = list({question.scene_id for question in questions})
    kept = connection.execute(statements.FIND_KEPT, {"scene_ids": ids})
    return Hour(hour, n_kept, weakest, {str(row.scene_id) for row in kept})


def _write_places(connection: sa.Connection, kept: Sequence[Recorded], n_kept: Mapping[str, int]) -> None:
    """Bring what is kept up to date; a scene that was let go in another hour, and is kept now, has another place."""
    if not kept:
        return
    connection.execute(statements.DROP_KEPT, [{"gone": answer.scene_id} for answer in kept])
    columns = ("scene_id", "seq", "hour", "segment", "drawn")
    connection.execute(
        statements.ADD_KEPT, [{n: getattr(answer, n) for n in columns} | {"let_go_for": ""} for answer in kept]
    )
    if let_go := [{"gone": answer.instead_of, "by": answer.scene_id} for answer in kept if answer.instead_of]:
        connection.execute(statements.LET_GO, let_go)
    hour, more = kept[0].hour, Counter(answer.segment for answer in kept if not answer.instead_of)
    known = [
        {"of_hour": hour, "of_segment": segment, "kept_now": n_kept[segment] + n}
        for segment, n in more.items()
        if segment in n_kept
    ]
    new = [{"hour": hour, "segment": segment, "n_kept": n} for segment, n in more.items() if segment not in n_kept]
    for statement, rows in ((statements.COUNT_MORE, known), (statements.ADD_HOUR, new)):
        if rows:
            connection.execute(statement, rows)
