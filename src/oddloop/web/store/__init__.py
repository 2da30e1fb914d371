"""What pages read and write: views of the workspace, and the ledger."""

from oddloop.web.store.store import Store
from oddloop.web.store.view import NothingThereError, View

__all__ = ["NothingThereError", "Store", "View"]
