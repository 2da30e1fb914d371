"""Columns of members x numbers (probabilities or logits), taken apart once and handed out by shape.

Time grows with the number of members; memory with the numbers of one shape where there are several.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from oddloop.score.arrays import AnyFloats, BoolArray, IntArray
from oddloop.score.nested import column, floats, shared_length, unnest
from oddloop.score.shapes import by_shape, common_lengths
from oddloop.tables import is_list


class Members(NamedTuple):
    """The members of each of R rows.

    Attributes:
        values: all numbers, each row's contiguous.
        starts: (R,) where each row begins.
        shapes: (R,2) members and numbers of each; -1 numbers where they differ or there are none.
        given: (R,) False where the row is null.
    """

    values: AnyFloats
    starts: IntArray
    shapes: IntArray
    given: BoolArray

    def dense(self, wanted: BoolArray) -> Iterator[tuple[IntArray, AnyFloats]]:
        """(r,) row numbers and their (r,M,K) numbers, of the wanted rows that have any, by shape."""
        usable = wanted & (self.shapes[:, 1] > 0)
        if usable.all():
            yield from by_shape(self.values, self.starts, self.shapes)
            return
        rows = np.flatnonzero(usable)
        for group, numbers in by_shape(self.values, self.starts[rows], self.shapes[rows]):
            yield rows[group], numbers


def read_members(batch: pa.Table, name: str) -> Members:
    """Take a column of members x numbers apart.

    Raises:
        TableError: the column is missing, or does not hold lists of lists of floats.

    >>> read_members(pa.table({"probs": [[[0.5, 0.5], [1.0, 0.0]], None]}), "probs").shapes.tolist()
    [[2, 2], [0, -1]]
    """
    alike = _read_alike(column(batch, name), name)
    if alike is not None:
        return alike
    members = unnest(column(batch, name), f"`{name}`")
    numbers = unnest(members.items, f"each member of `{name}`")
    lengths = common_lengths(members.offsets, np.diff(numbers.offsets))
    shapes = np.stack([np.diff(members.offsets), lengths], axis=1)
    values = floats(numbers.items, f"numbers in `{name}`")
    return Members(values, numbers.offsets[members.offsets[:-1]], shapes, members.given)


def _read_alike(lists: pa.Array, name: str) -> Members | None:
    """`read_members` where all rows are of one shape, as they mostly are: without an offset for each member."""
    if not is_list(lists.type) or not is_list(lists.type.value_type):
        return None
    n_members = shared_length(lists)
    if not n_members:
        return None
    n_numbers = shared_length(lists.flatten())
    if not n_numbers:
        return None
    starts = np.arange(len(lists)) * (n_members * n_numbers)
    shapes = np.tile([n_members, n_numbers], (len(lists), 1))
    values = floats(lists.flatten().flatten(), f"numbers in `{name}`")
    return Members(values, starts, shapes, np.ones(len(lists), np.bool_))
