"""Which scenes are in which segment: all conjunctions of a few attributes, counted densely.

A segment is a conjunction `attribute=value & ...` of different attributes. The segments of one set of attributes are
numbered by mixed radix (number of the first attributes' segment x number of values + code), and after each attribute
only the numbers that occur are kept, so that the numbers stay small however many attributes and values there are.

Time grows with the memberships (scenes, times tags where multi-label) x sets of attributes; memory with the memberships
of one set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import FloatArray, IntArray, Item, ragged_places
from oddloop.coverage.attributes import Encoded, EncodedAttribute

ALL_SCENES = "all"
"""The segment_id of the conjunction of no attribute. Every other one holds a `=`."""
_DENSE = 1 << 20


@dataclass(frozen=True, eq=False)
class Grouping:
    """All segments of one set of attributes, of those that have at least one scene.

    Attributes:
        attributes: the set, in the order of the taxonomy.
        codes: (S,W) value codes of each segment, in rising order.
        scenes: (M,) row number of the scene of each membership; None where it is every scene once, in order.
        segments: (M,) segment of each membership.
    """

    attributes: tuple[EncodedAttribute, ...]
    codes: IntArray
    scenes: IntArray | None
    segments: IntArray

    @property
    def n_segments(self) -> int:
        """Number of segments."""
        return len(self.codes)

    def spread(self, values: npt.NDArray[Item]) -> npt.NDArray[Item]:
        """(M,) a scene's value for each of its memberships."""
        return values if self.scenes is None else values[self.scenes]

    def total(self, values: FloatArray | IntArray) -> FloatArray:
        """(S,) sum of a scene's values over each segment."""
        weights = self.spread(np.asarray(values, np.float64))
        return np.bincount(self.segments, weights, self.n_segments).astype(np.float64, copy=False)

    def count_logs(self, logs: IntArray, n_logs: int) -> IntArray:
        """(S,) distinct logs of each segment; `logs` is the log of each scene."""
        return count_distinct(self.segments, self.n_segments, self.spread(logs), n_logs)


def iterate_groupings(encoded: Encoded, max_way: int) -> Iterator[Grouping]:
    """The groupings by no attribute, by each attribute, by each pair, and so on, up to `max_way` attributes."""
    for way in range(max_way + 1):
        yield from _divide(_everything(encoded.n_scenes), encoded.attributes, way)


def group_scenes(encoded: Encoded, chosen: Iterable[int]) -> Grouping:
    """The grouping by one set of attributes, given by their places in the taxonomy."""
    grouping = _everything(encoded.n_scenes)
    for place in chosen:
        grouping = _extend(grouping, encoded.attributes[place])
    return grouping


def name_segments(grouping: Grouping) -> dict[str, pa.Array]:
    """Columns segment_id, n_way, attributes and values, one row per segment; see `name_conjunctions`."""
    return name_conjunctions([(a.name, a.values) for a in grouping.attributes], grouping.codes)


def name_conjunctions(axes: Sequence[tuple[str, tuple[str, ...]]], codes: IntArray) -> dict[str, pa.Array]:
    """Columns segment_id, n_way, attributes and values, one row per conjunction.

    A `&` within a value is doubled in segment_id, so that two segments never share one.

    Args:
        axes: name and values of each attribute.
        codes: (S,W) value codes of each conjunction.

    >>> name_conjunctions([("sky", ("dry", "wet"))], np.array([[1]]))["segment_id"].to_pylist()
    ['sky=wet']
    """
    n, way = codes.shape
    names = [pa.array(values, pa.string()).take(pa.array(c)) for (_, values), c in zip(axes, codes.T, strict=True)]
    parts = [
        pc.binary_join_element_wise(_text(name), pc.replace_substring(v, "&", "&&"), _text("="))
        for (name, _), v in zip(axes, names, strict=True)
    ]
    offsets = pa.array(np.arange(n + 1) * way, pa.int32())
    by_segment = pa.array(np.arange(n * way).reshape(way, n).T.ravel())
    flat = pa.concat_arrays(names).take(by_segment) if names else pa.array([], pa.string())
    attributes = pa.array([name for name, _ in axes] * n, pa.string())
    return {
        "segment_id": pc.binary_join_element_wise(*parts, _text(" & "))
        if parts
        else pa.array([ALL_SCENES] * n, pa.string()),
        "n_way": pa.array(np.full(n, way, np.int64)),
        "attributes": pa.ListArray.from_arrays(offsets, attributes),
        "values": pa.ListArray.from_arrays(offsets, flat),
    }


def _text(value: str) -> pa.Scalar:
    """Given its type, a scalar is made without Arrow looking for pandas each time."""
    return pa.scalar(value, pa.string())


def count_distinct(groups: IntArray, n_groups: int, items: IntArray, n_items: int) -> IntArray:
    """(G,) how many distinct items each group has, exactly.

    >>> count_distinct(np.array([0, 0, 0, 2]), 3, np.array([5, 5, 1, 5]), 6).tolist()
    [2, 0, 1]
    """
    keys = groups.astype(np.int64) * n_items + items
    size = n_groups * n_items
    if size <= max(_DENSE, 16 * len(keys)):
        seen = np.zeros(size, np.bool_)
        seen[keys] = True
        distinct: IntArray = np.count_nonzero(seen.reshape(n_groups, n_items), axis=1)
        return distinct
    return np.bincount(np.unique(keys) // n_items, minlength=n_groups)


def _everything(n_scenes: int) -> Grouping:
    """The one segment of all scenes; none where there is no scene."""
    return Grouping((), np.empty((min(n_scenes, 1), 0), np.int64), None, np.zeros(n_scenes, np.int64))


def _divide(grouping: Grouping, attributes: tuple[EncodedAttribute, ...], way: int) -> Iterator[Grouping]:
    """The grouping divided by each conjunction of `way` of the attributes, in their order."""
    if way == 0:
        yield grouping
        return
    for i in range(len(attributes) - way + 1):
        yield from _divide(_extend(grouping, attributes[i]), attributes[i + 1 :], way - 1)


def _extend(grouping: Grouping, attribute: EncodedAttribute) -> Grouping:
    """Each segment divided by one more attribute."""
    n_values = len(attribute.values)
    scenes, segments = grouping.scenes, grouping.segments
    if attribute.offsets is None:
        cells = segments * n_values + grouping.spread(attribute.codes)
    else:
        every = np.arange(len(attribute.offsets) - 1)
        places, counts = ragged_places(attribute.offsets, every if scenes is None else scenes)
        scenes = np.repeat(every if scenes is None else scenes, counts)
        cells = np.repeat(segments, counts) * n_values + attribute.codes[places]
    present, segments = _compact(cells, grouping.n_segments * n_values)
    codes = np.column_stack([grouping.codes[present // n_values], present % n_values])
    return Grouping((*grouping.attributes, attribute), codes, scenes, segments)


def _compact(cells: IntArray, n_cells: int) -> tuple[IntArray, IntArray]:
    """The cells that occur, in rising order, and each membership's place among them."""
    if n_cells > max(_DENSE, 4 * len(cells)):
        present, places = np.unique(cells, return_inverse=True)
        return present, places
    present = np.flatnonzero(np.bincount(cells, minlength=n_cells))
    place_of = np.empty(n_cells, np.int64)
    place_of[present] = np.arange(len(present))
    return present, place_of[cells]
