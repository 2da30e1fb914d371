"""Answers many questions at a time: all that have come while the last ones were written go into one transaction.

So a disk that takes some milliseconds to be sure bounds how long an answer takes, not how many there are per second. A
question is answered once its record is durable. Memory grows with the questions that wait.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from oddloop.errors import LedgerError
from oddloop.rounds.intake.record import IntakeRecord, Question, Recorded
from oddloop.rounds.intake.rulebook import Ruling

AT_ONCE = 256
"""Questions in one transaction at most."""
GATHER_S = 0.003
"""A transaction waits so long for more questions: at some hundred a second it halves their number and the work."""
WAITING = 10_000
"""Questions that may wait; more are refused, since whoever asks would have given up before their turn."""
_Item = tuple[Question, "Future[Recorded]"]


class Desk:
    """One thread that writes. To be closed; what waits then is still answered."""

    def __init__(self, record: IntakeRecord, ruling: Callable[[], Ruling], now_ns: Callable[[], int]) -> None:
        """Begin to answer by the ruling of the moment."""
        self._record, self._ruling, self._now_ns = record, ruling, now_ns
        self._waiting: queue.Queue[_Item | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
        self._thread.start()

    def ask(self, question: Question) -> Future[Recorded]:
        """The answer, once it is durable; raises what went wrong.

        Raises:
            LedgerError: too many questions wait already.
        """
        answer: Future[Recorded] = Future()
        try:
            self._waiting.put_nowait((question, answer))
        except queue.Full:
            raise LedgerError(f"{WAITING:,} questions wait for the intake already; ask again later") from None
        return answer

    def close(self) -> None:
        """Answer what waits, and end."""
        self._waiting.put(None)
        self._thread.join()
        self._record.close()

    def _work(self) -> None:
        is_open = True
        while is_open:
            items = [self._waiting.get()]
            time.sleep(GATHER_S)
            while len(items) < AT_ONCE and not self._waiting.empty():
                items.append(self._waiting.get())
            is_open = None not in items
            # Who has gone away meanwhile is not answered, and nothing is recorded for them.
            self._answer([item for item in items if item is not None and item[1].set_running_or_notify_cancel()])

    def _answer(self, items: list[_Item]) -> None:
        if not items:
            return
        try:
            ruling = self._ruling()
            questions = [question for question, _ in items]
            answers = self._record.answer(questions, ruling.rules, ruling.model_id, self._now_ns())
        except Exception as error:  # whatever it is, those who asked must be told
            for _, answer in items:
                answer.set_exception(error)
            return
        for (_, waiting), recorded in zip(items, answers, strict=True):
            waiting.set_result(recorded)
