"""Answers of the intake in words."""

from __future__ import annotations

from oddloop.rounds.intake.record import Recorded


def why(answer: Recorded) -> str:
    """The reason of an answer, with the numbers that decided."""
    segment = answer.segment or "all scenes"
    said = {
        "kept": f"kept: there was room for {segment} in this hour",
        "drawn": f"kept: it takes the place of {answer.instead_of} in a draw among {segment} of this hour",
        "kept_before": "kept: it was kept before, and takes no other place",
        "no_score": "not kept: the score that decides was not sent",
        "low_score": f"not kept: its score {_shown(answer.score)} is below {_shown(answer.threshold)}",
        "segment_full": f"not kept: the limit of {segment} for this hour is reached",
        "hour_full": "not kept: the limit of this hour is reached",
        "outdrawn": f"not kept: the limit of {segment} is reached, and it drew a lower number than those that are kept",
    }
    return said[answer.reason]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
