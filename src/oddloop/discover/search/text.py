"""Scenes by words: in their attribute values, tags, ids, and in the names and notes of their clusters.

Each distinct value is looked at once, and scenes follow from it, so time grows with distinct values and scenes x words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import Bools, Floats, Ints
from oddloop.tables import is_list

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> frozenset[str]:
    """Words of a text, in lower case; anything but letters and digits parts them.

    >>> sorted(words_of("Heavy-rain, junction_2"))
    ['2', 'heavy', 'junction', 'rain']
    """
    return frozenset(word.lower() for word in _WORD.findall(text))


def match_text(columns: dict[str, pa.ChunkedArray], query: str, n: int) -> tuple[Bools, Floats]:
    """Say which scenes hold all words of a query.

    Args:
        columns: by name, n texts or lists of texts each; a column's name counts as a word of every value in it.
        query: words, in any order; a word matches whole words, or their beginning where it has three letters at least.
        n: scenes.

    Returns:
        (n,) whether all words are found, and (n,) how telling they are: the sum of log(n / scenes with the word).

    >>> columns = {"rain": pa.chunked_array([["heavy", "none"]]), "tags": pa.chunked_array([[["tram"], []]])}
    >>> match_text(columns, "Heavy tram", 2)[0].tolist()
    [True, False]
    """
    found, telling = np.ones(n, dtype=bool), np.zeros(n)
    encoded = [(words_of(name), *_distinct(column)) for name, column in columns.items()]
    for word in sorted(words_of(query)):
        has = np.zeros(n, dtype=bool)
        for name, values, rows, codes in encoded:
            hits = np.array([_matches(word, words_of(value) | name) for value in values], dtype=bool)
            has[rows[hits[codes]]] = True
        found &= has
        telling += np.log(n / max(int(has.sum()), 1)) * has
    return found, telling


def _matches(word: str, words: Iterable[str]) -> bool:
    return any(word == one or (len(word) > 2 and one.startswith(word)) for one in words)


def _distinct(column: pa.ChunkedArray) -> tuple[list[str], Ints, Ints]:
    """Distinct values, and of each occurrence its scene and value number."""
    array = column.combine_chunks()
    if is_list(array.type):
        rows, flat = pc.list_parent_indices(array).to_numpy().astype(np.int64), pc.list_flatten(array)
    else:
        rows, flat = np.arange(len(array)), array
    present = pc.is_valid(flat).to_numpy(zero_copy_only=False)
    coded = flat.drop_null().cast(pa.string()).dictionary_encode()
    return coded.dictionary.to_pylist(), rows[present], coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
