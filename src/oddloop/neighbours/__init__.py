"""The nearest neighbours of every row, for all stages: exact for few rows, in cells for many; the same every time."""

from oddloop.neighbours.columns import reduce_columns
from oddloop.neighbours.growing import Growing
from oddloop.neighbours.search import MOST_EXACT, nearest_neighbours

__all__ = ["MOST_EXACT", "Growing", "nearest_neighbours", "reduce_columns"]
