"""Which categories of a data set are road users: those that its crosswalk maps to a kind of agent."""

from __future__ import annotations

from oddloop.exchange.taxonomies import load_taxonomy
from oddloop.tables import UNKNOWN


def agents_of(taxonomy: str) -> frozenset[str]:
    """Published categories of agents of a taxonomy that ships.

    >>> "BUS" in agents_of("argoverse2"), "BOLLARD" in agents_of("argoverse2")
    (True, False)
    """
    aliases = load_taxonomy(taxonomy)["dynamic.agents_present"].aliases
    return frozenset(published for published, ours in aliases.items() if ours != UNKNOWN)
