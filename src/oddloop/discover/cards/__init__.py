"""Cards of clusters: what each is, how rare, why it may matter, and in which order to look at them."""

from oddloop.discover.cards.build import Known, make_cards
from oddloop.discover.cards.evidence import Measured
from oddloop.discover.cards.ranking import rank_cards
from oddloop.discover.cards.traits import Trait

__all__ = ["Known", "Measured", "Trait", "make_cards", "rank_cards"]
