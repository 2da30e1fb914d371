"""Whether to propose another round: the rules of `[stop]`, asked of the workspace, and the record of what they said."""

from oddloop.rounds.stopping.record import STOPPED, WENT_ON, Stop, last_stop, record_stop
from oddloop.rounds.stopping.rules import Question, ask, needs_picks

__all__ = ["STOPPED", "WENT_ON", "Question", "Stop", "ask", "last_stop", "needs_picks", "record_stop"]
