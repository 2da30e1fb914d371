"""What the intake is asked over HTTP, and who answers: opened when it is first asked, closed with the server."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from oddloop.errors import OddloopError, WorkspaceError
from oddloop.rounds.intake import Desk, Question, Recorded, Rulebook, open_record, read_ruling, why
from oddloop.rounds.intake.online import Known, read_known
from oddloop.rounds.intake.rulebook import Ruling
from oddloop.rounds.model import current_model
from oddloop.web.store import Store

_Id = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Field(max_length=200)]
_Score = Annotated[float, Field(strict=True)]
_Value = Annotated[str, Field(max_length=500)] | bool | int | float | None
_FRESH_S = 5.0
"""What is known of the model is that old at most."""


class KeepAsked(BaseModel):
    """Is this scene kept? The same `scene_id` and `request_id` get the same answer, however often they are sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    scene_id: _Id
    request_id: _Id
    scores: Annotated[
        dict[_Name, _Score | None], Field(max_length=1000, description="scene scores; `[intake] score` is looked at")
    ] = {}
    attributes: Annotated[
        dict[_Name, _Value], Field(max_length=1000, description="columns of `scenes` that `[intake] by` is read from")
    ] = {}


@dataclass(frozen=True)
class Kept:
    """The answer, recorded under `seq`.

    Attributes:
        keep: yes or no.
        reason: `kept`, `drawn` (in the place of `instead_of`, which may be let go), `kept_before`; or `no_score`,
            `low_score`, `segment_full`, `hour_full`, `outdrawn`.
        why: the same in words.
        hour: hours since the Unix epoch, whose limits counted.
    """

    seq: int
    scene_id: str
    request_id: str
    keep: bool
    reason: str
    why: str
    segment: str
    score: float | None
    threshold: float | None
    model_id: str
    instead_of: str
    hour: int
    at_ns: int
    asked_by: str

    @classmethod
    def of(cls, recorded: Recorded) -> Kept:
        """The answer that was recorded."""
        same = {name: value for name, value in vars(recorded).items() if name in cls.__annotations__}
        return cls(**same, why=why(recorded), asked_by=recorded.author)


@dataclass(frozen=True)
class Answers:
    """A part of the record; `next_since` asks for the next one, null where there is none."""

    answers: list[Kept]
    next_since: int | None


class Intake:
    """The intake of a workspace; for many threads."""

    def __init__(
        self, store: Store, on_open: Callable[[], None] = lambda: None, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Open nothing yet; `on_open` is called once all that lives as long as the server is there."""
        self._store, self._on_open, self._now_ns = store, on_open, now_ns
        self._lock = threading.Lock()
        self._open: tuple[Rulebook, Desk] | None = None
        self._known: tuple[float, Known] | None = None

    @property
    def is_open(self) -> bool:
        """Whether `opened` need not wait for anything."""
        return self._open is not None

    def opened(self) -> tuple[Rulebook, Desk]:
        """The rules, and who answers by them.

        Raises:
            OddloopError: as `read_ruling` and `open_record` do.
        """
        with self._lock:
            if self._open is None:
                rulebook = Rulebook(self._read)
                try:
                    desk = Desk(open_record(self._store.view().workspace), rulebook.ruling, self._now_ns)
                except BaseException:
                    rulebook.close()
                    raise
                self._open = rulebook, desk
                self._on_open()
            return self._open

    def open_aside(self) -> None:
        """Begin to open where the settings ask anything of scenes, so that the first who asks need not wait."""

        def work() -> None:
            with contextlib.suppress(OddloopError):  # who asks is told
                if self._store.view().workspace.config.intake.is_set:
                    self.opened()

        threading.Thread(target=work, name="intake opening", daemon=True).start()

    def answers(self, since: int, limit: int) -> Answers:
        """Recorded answers after a number; none where nothing says what is kept.

        Raises:
            LedgerError: the database cannot be reached.
        """
        workspace = self._store.view().workspace
        if not workspace.config.intake.is_set:
            return Answers([], None)
        with contextlib.closing(open_record(workspace)) as record:
            found = record.answers(since=since, limit=limit + 1)
        return Answers([Kept.of(one) for one in found[:limit]], found[limit - 1].seq if len(found) > limit else None)

    def known(self) -> Known:
        """What is known of the current model, looked up again after a few seconds.

        Raises:
            WorkspaceError: there is no model.
        """
        with self._lock:
            now_s = time.monotonic()
            if self._known is None or now_s - self._known[0] > _FRESH_S:
                workspace = self._store.view().workspace
                model = current_model(workspace, self._store.ledger)
                if model is None:
                    raise WorkspaceError(
                        f"{workspace.storage.url}: there is no model to score with; ingest predictions"
                    )
                self._known = now_s, read_known(workspace, model)
            return self._known[1]

    def close(self) -> None:
        """Answer what waits, and end."""
        with self._lock:
            if self._open is not None:
                rulebook, desk = self._open
                rulebook.close()
                desk.close()

    def _read(self) -> Ruling:
        workspace = self._store.view().workspace
        model = current_model(workspace, self._store.ledger) if workspace.config.intake.score else None
        return read_ruling(workspace, model.model_id if model else "")


def question_of(asked: KeepAsked, ruling: Ruling, author: str) -> Question:
    """What is asked, by the rules of the moment.

    Raises:
        TableError: a value is of a type that its attribute cannot be read from.
    """
    score = asked.scores.get(ruling.config.intake.score)
    return Question(asked.scene_id, asked.request_id, ruling.segment_of(dict(asked.attributes)), score, author)
