"""The intake: answers to "is this scene kept?", each recorded before it is given, exactly once."""

from oddloop.rounds.intake.desk import Desk
from oddloop.rounds.intake.record import IntakeRecord, Question, Recorded, open_record
from oddloop.rounds.intake.rulebook import Rulebook, Ruling, read_ruling
from oddloop.rounds.intake.wording import why

__all__ = ["Desk", "IntakeRecord", "Question", "Recorded", "Rulebook", "Ruling", "open_record", "read_ruling", "why"]
