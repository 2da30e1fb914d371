"""When to stop: rules on plain numbers and arrays, each with an answer and a sentence; a rule without data never stops.

`oddloop run` asks those that `[stop]` names before it proposes a new round (`rounds/stopping`).
"""

from oddloop.select.stopping.agreement import cohen_kappa, rank_agreement, stop_at_agreement
from oddloop.select.stopping.answer import Answer
from oddloop.select.stopping.left import stop_at_low_scores, stop_at_targets
from oddloop.select.stopping.limits import (
    stop_at_budget,
    stop_at_hours,
    stop_at_rounds,
    stop_at_share,
    stop_at_time,
)
from oddloop.select.stopping.progress import Gain, stop_at_plateau, stop_at_small_gain, stop_at_worth

__all__ = [
    "Answer",
    "Gain",
    "cohen_kappa",
    "rank_agreement",
    "stop_at_agreement",
    "stop_at_budget",
    "stop_at_hours",
    "stop_at_low_scores",
    "stop_at_plateau",
    "stop_at_rounds",
    "stop_at_share",
    "stop_at_small_gain",
    "stop_at_targets",
    "stop_at_time",
    "stop_at_worth",
]
