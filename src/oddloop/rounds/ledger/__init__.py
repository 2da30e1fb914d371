"""The ledger: an append-only record of rounds, in SQLite by default, in PostgreSQL for a team.

Events are only ever added; a round's state is a fold over its events (`rounds/state.py`). Every event is committed and
synced before `append` returns, and an event with a known key is not added twice, so a killed run can simply run again.
"""

from oddloop.rounds.ledger.ledger import Ledger
from oddloop.rounds.ledger.opening import open_ledger, read_rounds
from oddloop.rounds.ledger.rows import Author

__all__ = ["Author", "Ledger", "open_ledger", "read_rounds"]
