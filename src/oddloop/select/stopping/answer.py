"""What a rule answers when it is asked whether to go on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What one rule says.

    Attributes:
        rule: name of its setting in `[stop]`.
        stop: whether to propose no more rounds; None where the rule lacks data, which never stops anything.
        sentence: why, with the numbers and their support.
    """

    rule: str
    stop: bool | None
    sentence: str
