"""Search: scenes by example, by vector, by words."""

from oddloop.discover.search.index import MOST_EXACT, NearIndex, build_index
from oddloop.discover.search.similar import Similar, find_similar
from oddloop.discover.search.text import match_text, words_of

__all__ = ["MOST_EXACT", "NearIndex", "Similar", "build_index", "find_similar", "match_text", "words_of"]
