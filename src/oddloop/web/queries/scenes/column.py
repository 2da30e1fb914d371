"""A column of codes over all scenes, by which a million of them are counted and filtered in milliseconds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.ids import id_array
from oddloop.tables import UNKNOWN, is_list

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Column:
    """Values of scenes: as many as there are scenes, or any number per scene.

    Attributes:
        n: scenes.
        values: distinct values.
        codes: place of each entry among `values`.
        rows: scene of each entry, ascending; None where entry i is that of scene i.
    """

    n: int
    values: tuple[str, ...]
    codes: npt.NDArray[np.integer]
    rows: npt.NDArray[np.int32] | None = None

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

    def counts(self, kept: Bools, rows: Ints | None = None) -> Ints:
        """(values,) scenes with each value among those that are kept.

        Args:
            kept: (n,) which are.
            rows: the same as rows, where they are known already: that spares most of the time.

        >>> Column(3, ("a", "b"), np.array([0, 1, 1])).counts(np.array([True, True, False])).tolist()
        [1, 1]
        """
        if self.rows is None:
            shown = self.codes[kept] if rows is None else self.codes[rows]
        else:
            shown = self.codes[kept[self.rows]]
        return np.bincount(shown, minlength=len(self.values))

    def of(self, row: int) -> tuple[str, ...]:
        """Values of one scene."""
        if self.rows is None:
            return (self.values[self.codes[row]],)
        first, last = np.searchsorted(
            self.rows, np.array([row, row + 1], self.rows.dtype)
        )  # of one type, or all are copied
        return tuple(self.values[code] for code in self.codes[first:last])


def column_of(values: pa.ChunkedArray | pa.Array) -> Column:
    """Text, or lists of text, as a column; null is `unknown`.

    >>> column_of(pa.array([["a"], ["b", "a"]])).of(1)
    ('b', 'a')
    """
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    n = len(whole)
    if not is_list(whole.type):
        return Column(n, *_coded(whole))
    lengths = pc.fill_null(pc.list_value_length(whole), 0).to_numpy(zero_copy_only=False)
    return Column(n, *_coded(whole.flatten()), np.repeat(np.arange(n, dtype=np.int32), lengths))


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
