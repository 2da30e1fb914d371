"""Searches and lists of scenes that people keep under a name: for themselves, for others, and for other tools."""

from oddloop.rounds.saved.people import delete_saved, save_search, save_set
from oddloop.rounds.saved.saved import SEARCH, SET, Saved, fold_saved, read_set

__all__ = ["SEARCH", "SET", "Saved", "delete_saved", "fold_saved", "read_set", "save_search", "save_set"]
