"""Maximal uncovered patterns: the widest segments with too little data, of which every wider one has enough.

A pattern fixes the values of some attributes. It is uncovered where fewer than `least` scenes match it, and maximal
where each pattern with one attribute less is covered: listing those says all, and no narrower hole is listed under a
wider one. Patterns that no scene matches count; values that nobody wants do not. Time grows with the memberships x sets
of attributes and with the possible patterns, memory with the patterns of one size.

References:
    Asudeh, Jin and Jagadish, Assessing and remedying coverage for a given dataset, 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from oddloop.coverage.arrays import BoolArray, IntArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.measures.combinations import Wanted, known_values
from oddloop.coverage.segments import Grouping, iterate_groupings


class Pattern(NamedTuple):
    """Values of some attributes, and how many scenes match them."""

    attributes: tuple[str, ...]
    values: tuple[str, ...]
    n_scenes: int


def maximal_uncovered(
    encoded: Encoded, least: int, max_way: int = 3, wanted: Wanted | None = None
) -> tuple[Pattern, ...]:
    """Find the widest patterns that fewer than `least` scenes match.

    Args:
        encoded: the attributes of N scenes.
        least: scenes that are enough, at least 1.
        max_way: attributes in a pattern, at most.
        wanted: values that count; None: all but `unknown`.

    Returns:
        The patterns by number of attributes, then attributes, then values.

    Raises:
        ValueError: `least` or `max_way` is below 1.

    >>> import pyarrow as pa
    >>> from oddloop.config import AttributeConfig
    >>> from oddloop.coverage.attributes import encode_attributes
    >>> table = pa.table({"sky": ["rain", "clear", "clear"], "time": ["day", "day", "night"]})
    >>> taxonomy = {"sky": AttributeConfig(), "time": AttributeConfig()}
    >>> maximal_uncovered(encode_attributes(table, taxonomy), least=1)
    (Pattern(attributes=('sky', 'time'), values=('rain', 'night'), n_scenes=0),)
    """
    if least < 1 or max_way < 1:
        raise ValueError(f"`least` and `max_way` must be 1 or more; got {least} and {max_way}")
    keeps = wanted or known_values
    masks = {attribute.name: keeps(attribute) for attribute in encoded.attributes}
    # Per set of attributes, a dense grid of what is covered; the pattern of no attribute is the whole.
    covered: dict[tuple[str, ...], BoolArray] = {(): np.array(encoded.n_scenes >= least)}
    found: list[Pattern] = []
    for grouping in iterate_groupings(encoded, max_way):
        if grouping.attributes:
            counts = _grid(grouping)
            names = tuple(a.name for a in grouping.attributes)
            covered[names] = counts >= least
            found += _maximal(grouping, counts, covered, masks)
    return tuple(found)


def _grid(grouping: Grouping) -> IntArray:
    """Scenes of every combination of the set's values, also of those that no scene has."""
    counts = np.zeros([len(a.values) for a in grouping.attributes], np.int64)
    if grouping.n_segments:
        counts[tuple(grouping.codes.T)] = np.bincount(grouping.segments, minlength=grouping.n_segments)
    return counts


def _maximal(
    grouping: Grouping,
    counts: IntArray,
    covered: Mapping[tuple[str, ...], BoolArray],
    masks: Mapping[str, BoolArray],
) -> Iterator[Pattern]:
    names = tuple(a.name for a in grouping.attributes)
    holes = ~covered[names]
    for axis, name in enumerate(names):
        wider = covered[names[:axis] + names[axis + 1 :]]
        holes &= np.expand_dims(wider, axis)
        shape = [-1 if i == axis else 1 for i in range(len(names))]
        holes &= masks[name].reshape(shape)
    for codes in np.argwhere(holes):
        values = tuple(a.values[c] for a, c in zip(grouping.attributes, codes, strict=True))
        yield Pattern(names, values, int(counts[tuple(codes)]))
