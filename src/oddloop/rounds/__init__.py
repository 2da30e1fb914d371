"""Picks -> labels -> training -> evidence: the loop, and the ledger that records it."""

from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.shell import RunSummary, Shell

__all__ = ["Author", "Ledger", "RunSummary", "Shell", "open_ledger", "run"]
