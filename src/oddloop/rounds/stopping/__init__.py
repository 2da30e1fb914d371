"""Whether to propose another round: the rules of `[stop]`, asked of the workspace, and the record of what they said."""

from oddloop.rounds.stopping.record import STOPPED, WENT_ON, Stop, last_stop, record_stop
from oddloop.rounds.stopping.rules import Question, ask

__all__ = ["STOPPED", "WENT_ON", "Question", "Stop", "ask", "last_stop", "record_stop"]
