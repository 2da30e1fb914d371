"""The experiment tracker: what the ledger has is pushed to it, exactly once; see `outbox`, and `base` for your own."""

from oddloop.rounds.tracking.base import Dataset, Loop, Model, Promotion, RoundRecord, Tracker
from oddloop.rounds.tracking.outbox import Pushed, push, pushed_rounds

__all__ = ["Dataset", "Loop", "Model", "Promotion", "Pushed", "RoundRecord", "Tracker", "push", "pushed_rounds"]
