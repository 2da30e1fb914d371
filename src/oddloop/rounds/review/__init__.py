"""Review: people approve, reject, defer and swap picks; nothing that anybody has decided is overwritten unseen."""

from oddloop.rounds.review.board import APPROVE, DECISIONS, DEFER, REJECT, SWAP, UNDO, Board, Standing, round_to_review
from oddloop.rounds.review.decide import decide
from oddloop.rounds.review.finish import finish
from oddloop.rounds.review.listing import list_review
from oddloop.rounds.review.remembered import last_words, scenes_set_aside, set_aside, take_back
from oddloop.rounds.review.words import at_text, describe

__all__ = [
    "APPROVE",
    "DECISIONS",
    "DEFER",
    "REJECT",
    "SWAP",
    "UNDO",
    "Board",
    "Standing",
    "at_text",
    "decide",
    "describe",
    "finish",
    "last_words",
    "list_review",
    "round_to_review",
    "scenes_set_aside",
    "set_aside",
    "take_back",
]
