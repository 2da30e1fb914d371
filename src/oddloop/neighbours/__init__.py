"""The nearest neighbours of every row, for all stages: exact for few rows, in cells for many; the same every time."""

from oddloop.neighbours.among import MOST_PAIRS, nearest_among
from oddloop.neighbours.columns import reduce_columns
from oddloop.neighbours.exact import Lists
from oddloop.neighbours.growing import Growing
from oddloop.neighbours.search import MOST_EXACT, keeping, nearest_neighbours

__all__ = [
    "MOST_EXACT",
    "MOST_PAIRS",
    "Growing",
    "Lists",
    "keeping",
    "nearest_among",
    "nearest_neighbours",
    "reduce_columns",
]
