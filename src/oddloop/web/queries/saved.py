"""The searches and the sets of scenes that people keep."""

from __future__ import annotations

from oddloop.rounds.saved import Saved, fold_saved
from oddloop.rounds.saved.saved import What
from oddloop.rounds.state import SAVED
from oddloop.web.store import View


def kept_of(view: View, what: What) -> dict[str, Saved]:
    """What is kept of a kind, by name, in the order of names."""
    return view.cached(("saved", view.digest, what), lambda: fold_saved(view.events(SAVED), what))


def list_kept(view: View, what: What) -> tuple[Saved, ...]:
    """What is kept of a kind, in the order of names."""
    return tuple(kept_of(view, what).values())
