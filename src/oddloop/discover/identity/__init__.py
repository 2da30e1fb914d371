"""Identity over time: which cluster of a new run is which of the last one, and what became of the others."""

from oddloop.discover.identity.follow import Following, follow_clusters
from oddloop.discover.identity.matching import pair_up
from oddloop.discover.identity.overlap import Overlap, count_overlap

__all__ = ["Following", "Overlap", "count_overlap", "follow_clusters", "pair_up"]
