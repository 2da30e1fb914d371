"""A column of codes over all scenes, by which a million of them are counted and filtered in milliseconds."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.ids import id_array
from oddloop.tables import UNKNOWN, is_list

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
_MOST_WITH_BITS = 64


@dataclass(frozen=True)
class Mask:
    """Some of all scenes: (n,) which, and the same in other forms, each made when it is first asked for."""

    is_in: Bools

    @functools.cached_property
    def rows(self) -> Ints:
        """Their rows, ascending."""
        return np.flatnonzero(self.is_in)

    @functools.cached_property
    def words(self) -> Words:
        """A bit per scene."""
        return pack(self.is_in)

    @functools.cached_property
    def n(self) -> int:
        """How many there are."""
        return int(np.count_nonzero(self.is_in))


def pack(is_in: Bools) -> Words:
    """(…, n) as (…, n / 64) words of 64 bits; those beyond the end are 0.

    >>> pack(np.ones((2, 65), dtype=bool)).shape
    (2, 2)
    """
    n_bytes = -(-is_in.shape[-1] // 64) * 8
    packed = np.packbits(is_in, axis=-1)
    padded = np.zeros((*packed.shape[:-1], n_bytes), dtype=np.uint8)
    padded[..., : packed.shape[-1]] = packed
    return padded.view(np.uint64)


@dataclass(frozen=True)
class Column:
    """Values of scenes: as many as there are scenes, or any number per scene.

    Attributes:
        n: scenes.
        values: distinct values.
        codes: place of each entry among `values`.
        rows: scene of each entry, ascending; None where entry i is that of scene i.
        bits: (values, n / 64) for few values, a bit per scene that says whether it has the value: counting those of a
            mask then takes a tenth of the time.
    """

    n: int
    values: tuple[str, ...]
    codes: npt.NDArray[np.integer]
    rows: npt.NDArray[np.int32] | None = None
    bits: Words | None = None

    def keep(self, wanted: Collection[str]) -> Bools:
        """(n,) whether a scene has one of these values."""
        chosen = frozenset(wanted)
        return self.keep_where(np.fromiter((value in chosen for value in self.values), np.bool_, len(self.values)))

    def keep_where(self, wanted: Bools) -> Bools:
        """(n,) whether a scene has one of the values that a mask over `values` says."""
        hit: Bools = wanted[self.codes]
        if self.rows is None:
            return hit
        found = np.zeros(self.n, dtype=bool)
        found[self.rows[hit]] = True
        return found

    def counts(self, kept: Mask) -> Ints:
        """(values,) scenes with each value among those that are kept.

        >>> Column(3, ("a", "b"), np.array([0, 1, 1])).counts(Mask(np.array([True, True, False]))).tolist()
        [1, 1]
        """
        if self.bits is not None:
            found: Ints = np.bitwise_count(self.bits & kept.words).sum(axis=1, dtype=np.int64)
            return found
        shown = self.codes[kept.rows] if self.rows is None else self.codes[kept.is_in[self.rows]]
        return np.bincount(shown, minlength=len(self.values))

    def count_any(self, places: Ints, kept: Mask) -> int:
        """Scenes with any of the values at these places among those that are kept; one with several counts once."""
        if self.bits is not None:
            any_of = np.bitwise_or.reduce(self.bits[places], axis=0)
            return int(np.bitwise_count(any_of & kept.words).sum(dtype=np.int64))
        wanted = np.zeros(len(self.values), dtype=bool)
        wanted[places] = True
        return int(np.count_nonzero(self.keep_where(wanted) & kept.is_in))

    def by_frequency(self) -> tuple[str, ...]:
        """Values, those of most entries first.

        >>> Column(3, ("a", "b"), np.array([0, 1, 1])).by_frequency()
        ('b', 'a')
        """
        counts = np.bincount(self.codes, minlength=len(self.values))
        return tuple(self.values[place] for place in np.argsort(-counts, kind="stable"))

    def of(self, row: int) -> tuple[str, ...]:
        """Values of one scene."""
        if self.rows is None:
            return (self.values[self.codes[row]],)
        first, last = np.searchsorted(
            self.rows, np.array([row, row + 1], self.rows.dtype)
        )  # of one type, or all are copied
        return tuple(self.values[code] for code in self.codes[first:last])

    def of_rows(self, rows: npt.NDArray[np.integer]) -> list[tuple[str, ...]]:
        """Values of some scenes.

        >>> Column(3, ("a", "b"), np.array([0, 1, 1])).of_rows(np.array([2, 0]))
        [('b',), ('a',)]
        """
        if self.rows is not None:
            return [self.of(row) for row in rows.tolist()]
        return [(self.values[code],) for code in self.codes[rows].tolist()]


def column_of(values: pa.ChunkedArray | pa.Array) -> Column:
    """Text, or lists of text, as a column; null is `unknown`.

    >>> column_of(pa.array([["a"], ["b", "a"]])).of(1)
    ('b', 'a')
    """
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    n = len(whole)
    if not is_list(whole.type):
        return _with_bits(Column(n, *_coded(whole)))
    lengths = pc.fill_null(pc.list_value_length(whole), 0).to_numpy(zero_copy_only=False)
    return _with_bits(Column(n, *_coded(whole.flatten()), np.repeat(np.arange(n, dtype=np.int32), lengths)))


def _with_bits(column: Column) -> Column:
    if not 0 < len(column.values) <= _MOST_WITH_BITS:
        return column
    one_by_one = np.eye(len(column.values), dtype=bool)
    return replace(column, bits=np.stack([pack(column.keep_where(wanted)) for wanted in one_by_one]))


def memberships(ids: pa.Array, scene_ids: pa.ChunkedArray, groups: pa.ChunkedArray) -> Column:
    """Groups of scenes from rows of (scene, group), such as cluster members; without those that are not among `ids`."""
    at = pc.index_in(id_array(scene_ids), value_set=ids)
    known = pc.and_(pc.is_valid(at), pc.is_valid(groups.combine_chunks()))
    rows = at.filter(known).to_numpy().astype(np.int32)
    order = np.argsort(rows, kind="stable")
    values, codes = _coded(groups.combine_chunks().filter(known))
    return Column(len(ids), values, codes[order], rows[order])


def _coded(texts: pa.Array) -> tuple[tuple[str, ...], npt.NDArray[np.integer]]:
    plain = pc.fill_null(texts.cast(pa.string()), UNKNOWN).dictionary_encode()
    values = tuple(plain.dictionary.to_pylist())
    codes = plain.indices.to_numpy(zero_copy_only=False)
    return values, codes.astype(np.uint8 if len(values) <= 256 else np.int32)
