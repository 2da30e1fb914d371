"""What the intake has answered: written before an answer is given, found again where the same is asked again.

A question has a request id of who asks; with the scene's id it is the question's key. All that an answer depends on is
read in the transaction that records it, and writers take turns, so that limits hold for several servers together and
over restarts. Time grows with the questions of a call, and with the logarithm of what is recorded.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.intake.schema import ANSWERS, HOURS, INTAKE_FORMAT, KEPT, META, METADATA
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
        self._database = Database(url, "the intake's record")
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
        with self._database.writing() as connection:
            known = _known(connection, questions)
            new = {q.key: q for q in questions if q.key not in known}
            if new:
                known |= _record(connection, list(new.values()), rules, model_id, at_ns)
        return [known[question.key] for question in questions]

    def answers(self, *, since: int = 0, limit: int = 1000) -> list[Recorded]:
        """Recorded answers of a higher number than `since`, in the order in which they were recorded."""
        query = sa.select(ANSWERS).where(ANSWERS.c.seq > since).order_by(ANSWERS.c.seq).limit(limit)
        with self._database.reading() as connection:
            return [_recorded(row) for row in connection.execute(query)]

    def kept(self, hour: int | None = None) -> list[tuple[int, str, int]]:
        """(hour, segment, scenes kept) of one hour or of all, in this order."""
        query = sa.select(HOURS).order_by(HOURS.c.hour, HOURS.c.segment)
        if hour is not None:
            query = query.where(HOURS.c.hour == hour)
        with self._database.reading() as connection:
            return [(int(row.hour), str(row.segment), int(row.n_kept)) for row in connection.execute(query)]


def open_record(workspace: Workspace) -> IntakeRecord:
    """The record of a workspace.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named.
        LedgerError: as `IntakeRecord`.
    """
    return IntakeRecord(ledger_url(workspace, "intake.db"))


def _known(connection: sa.Connection, questions: Sequence[Question]) -> dict[tuple[str, str], Recorded]:
    ids = {question.scene_id for question in questions}
    wanted = {question.key for question in questions}
    requests = {question.request_id for question in questions}
    rows = connection.execute(sa.select(ANSWERS).where(ANSWERS.c.scene_id.in_(ids), ANSWERS.c.request_id.in_(requests)))
    found = {(row.scene_id, row.request_id): _recorded(row) for row in rows}
    return {key: answer for key, answer in found.items() if key in wanted}


def _record(
    connection: sa.Connection, questions: list[Question], rules: Rules, model_id: str, at_ns: int
) -> dict[tuple[str, str], Recorded]:
    hour = _read_hour(connection, at_ns // HOUR_NS, questions)
    answers = answer_all([Asked(q.scene_id, q.segment, q.score) for q in questions], rules, hour)
    first = (connection.execute(sa.select(sa.func.max(ANSWERS.c.seq))).scalar() or 0) + 1
    recorded = [
        Recorded(
            *(seq, q.scene_id, q.request_id, a.keep, a.reason, q.segment, q.score, rules.threshold, model_id),
            *(hour.hour, max(a.drawn, _LOWEST), a.instead_of, at_ns, q.author),
        )
        for seq, q, a in zip(itertools.count(first), questions, answers, strict=False)
    ]
    connection.execute(ANSWERS.insert(), [vars(answer) for answer in recorded])
    _write_places(connection, [answer for answer in recorded if answer.reason in ("kept", "drawn")], hour.n_kept)
    return {(answer.scene_id, answer.request_id): answer for answer in recorded}


def _read_hour(connection: sa.Connection, hour: int, questions: Sequence[Question]) -> Hour:
    """What the answers depend on, and no more of it than that."""
    rows = connection.execute(sa.select(HOURS.c.segment, HOURS.c.n_kept).where(HOURS.c.hour == hour))
    n_kept = {str(row.segment): int(row.n_kept) for row in rows}
    weakest = {
        segment: [
            (float(row.drawn), str(row.scene_id)) for row in connection.execute(_weakest(hour, segment, len(questions)))
        ]
        for segment in sorted({q.segment for q in questions} & n_kept.keys())
    }
    ids = {question.scene_id for question in questions}
    kept = connection.execute(sa.select(KEPT.c.scene_id).where(KEPT.c.scene_id.in_(ids), KEPT.c.let_go_for == ""))
    return Hour(hour, n_kept, weakest, {str(row.scene_id) for row in kept})


def _weakest(hour: int, segment: str, n: int) -> sa.Select[Any]:
    places = sa.select(KEPT.c.drawn, KEPT.c.scene_id)
    places = places.where(KEPT.c.hour == hour, KEPT.c.segment == segment, KEPT.c.let_go_for == "")
    return places.order_by(KEPT.c.drawn, KEPT.c.scene_id).limit(n)


def _write_places(connection: sa.Connection, kept: Sequence[Recorded], n_kept: Mapping[str, int]) -> None:
    """Bring what is kept up to date; a scene that was let go in another hour, and is kept now, has another place."""
    if not kept:
        return
    connection.execute(KEPT.delete().where(KEPT.c.scene_id.in_([answer.scene_id for answer in kept])))
    columns = ("scene_id", "seq", "hour", "segment", "drawn")
    connection.execute(KEPT.insert(), [{n: getattr(k, n) for n in columns} | {"let_go_for": ""} for k in kept])
    if let_go := [{"gone": k.instead_of, "by": k.scene_id} for k in kept if k.instead_of]:
        gone = KEPT.update().where(KEPT.c.scene_id == sa.bindparam("gone"))
        connection.execute(gone.values(let_go_for=sa.bindparam("by")), let_go)
    more = Counter(answer.segment for answer in kept if not answer.instead_of)
    for segment, n in sorted(more.items()):
        place = {"hour": kept[0].hour, "segment": segment}
        if segment in n_kept:
            here = (HOURS.c.hour == place["hour"]) & (HOURS.c.segment == segment)
            connection.execute(HOURS.update().where(here).values(n_kept=n_kept[segment] + n))
        else:
            connection.execute(HOURS.insert().values(**place, n_kept=n))


def _recorded(row: Any) -> Recorded:
    return Recorded(*row)
