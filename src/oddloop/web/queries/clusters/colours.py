"""What colours on the map can say beside clusters: values of an attribute, ranges of a score, labels, the split.

Colours are told apart by people who see colours differently. What is unknown is grey and hollow, so that it never
passes for a value; values beyond the six most frequent share a look, and so do scenes with several values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.ids import id_array
from oddloop.report.formats import number
from oddloop.report.palette import COLOURS, cluster_colour
from oddloop.tables import UNKNOWN
from oddloop.web.queries.clusters.whole_map import WholeMap
from oddloop.web.queries.scenes import open_index
from oddloop.web.queries.scenes.column import Column
from oddloop.web.queries.scenes.facets import in_order
from oddloop.web.queries.scenes.index import HELD_OUT, POOL, Index
from oddloop.web.store import NothingThereError, View

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
BY_CLUSTER = ("cluster", "status")
PLAIN = ("labelled", "split")
SCALE = ("#6a00a8", "#8f0da4", "#b12a90", "#cc4778", "#e16462", "#f2844b", "#fca636")
"""From low to high, ever lighter: seven steps of "plasma" (Smith and van der Walt 2015), without its ends."""
OTHERS, GREY = "#a5764f", "#8c8c8c"
FULL, RING, HOLLOW = 0, 1, 2


@dataclass(frozen=True)
class Key:
    """What a colour stands for.

    Attributes:
        key: the cluster, status, value or number of the range.
        name: what it is called where that is something else.
        kind: `cluster`, `status`, `value`, `range`, `rest`, `several` or `unknown`.
        paint: its colour.
        look: 0 full, 1 with a hole, 2 with a large hole.
    """

    key: str
    name: str
    kind: str
    paint: str
    look: int = FULL


_REST = Key("rest", "", "rest", OTHERS)
_SEVERAL = Key("several", "", "several", OTHERS, RING)
_UNKNOWN = Key(UNKNOWN, "", "unknown", GREY, HOLLOW)


@dataclass(frozen=True)
class Painted:
    """Keys in the order of the legend, and (n,) the place of each scene's key; -1: none."""

    keys: tuple[Key, ...]
    codes: npt.NDArray[np.integer]


def colours_known(view: View) -> tuple[str, ...]:
    """What the map can be coloured by, as addresses say it."""
    index = open_index(view)
    if index is None:
        return BY_CLUSTER
    attributes, scores = (f"attribute:{n}" for n in index.attributes), (f"score:{n}" for n in index.scores)
    return (*BY_CLUSTER, *PLAIN, *attributes, *scores)


def paint(view: View, colour: str, whole: WholeMap) -> Painted:
    """Colours of the places of the map, kept, since the map is looked at part by part.

    Raises:
        NothingThereError: there is no such attribute or score.
    """
    index = open_index(view)
    if index is None or colour not in colours_known(view):
        raise NothingThereError(
            f"the map cannot be coloured by {colour!r}; it can by: {', '.join(colours_known(view))}"
        )

    def find() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
        found, is_there = index.rows_of(id_array(whole.scene_ids()))
        return found.astype(np.int32), is_there

    def make() -> Painted:
        rows, is_there = view.cached(("map rows", index.digest, whole.folder.root), find)
        kind, _, name = colour.partition(":")
        painted = _by_score(index, name) if kind == "score" else _by_value(index, kind, name)
        unknown = next((place for place, key in enumerate(painted.keys) if key.kind == "unknown"), -1)
        codes = np.where(is_there, painted.codes[rows], unknown).astype(np.int8)
        return Painted(painted.keys, codes[whole.places.order])

    key = ("painted", index.digest, view.stages.get("score"), view.config_digest, whole.folder.root, colour)
    return view.cached(key, make)


def _by_score(index: Index, name: str) -> Painted:
    """As many scenes in each range as can be."""
    values = index.score(name)
    known = values[~np.isnan(values)]
    if not len(known):
        return Painted((_UNKNOWN,), np.zeros(index.n, dtype=np.int64))
    ends = np.unique(np.quantile(known, np.linspace(0, 1, len(SCALE) + 1)))
    n = max(len(ends) - 1, 1)
    # Few ranges take colours from all of the scale.
    steps = np.rint(np.linspace(0, len(SCALE) - 1, n)).astype(int) if n > 1 else [len(SCALE) // 2]
    low, high = (ends[:-1], ends[1:]) if len(ends) > 1 else (ends, ends)
    keys = [Key(str(i), f"{number(low[i])} – {number(high[i])}", "range", SCALE[step]) for i, step in enumerate(steps)]
    codes = np.clip(np.searchsorted(ends, np.nan_to_num(values), side="right") - 1, 0, n - 1)
    return Painted((*keys, _UNKNOWN), np.where(np.isnan(values), n, codes))


def _by_value(index: Index, kind: str, name: str) -> Painted:
    if kind == "labelled":
        return Painted(_keys(kind, ["yes", "no"]), np.where(index.labelled, 0, 1))
    if kind == "split":
        found, code = index.splits(), {POOL: 0, HELD_OUT: 1}
        codes = np.array([code.get(value, len(code)) for value in found.values], dtype=np.int64)
        return Painted((*_keys(kind, list(code)), _REST), codes[found.codes])
    column = index.attribute(name)
    shown = _frequent(index, name, column)
    place = {value: i for i, value in enumerate(shown)} | {UNKNOWN: len(shown) + 2}
    of_value = np.array([place.get(value, len(shown)) for value in column.values], dtype=np.int64)
    keys = (*_keys("value", shown), _REST, _SEVERAL, _UNKNOWN)
    return Painted(keys, _one_each(index, column, of_value, len(shown)))


def _keys(kind: str, values: Sequence[str]) -> tuple[Key, ...]:
    return tuple(Key(value, "", kind, cluster_colour(i)) for i, value in enumerate(values))


def _frequent(index: Index, name: str, column: Column) -> list[str]:
    """The most frequent values, as many as there are colours, in the order of the taxonomy, then by name."""
    wanted = [value for value in column.by_frequency() if value != UNKNOWN]
    return in_order(index, name, wanted[: len(COLOURS)])


def _one_each(index: Index, column: Column, of_value: Ints, n_shown: int) -> Ints:
    """(n,) place of each scene's key; of an attribute with lists those with several values have a key of their own."""
    codes = of_value[column.codes] if len(of_value) else np.zeros(0, dtype=np.int64)
    if column.rows is None:
        return codes
    found = np.full(index.n, n_shown + 2, dtype=np.int64)
    found[column.rows] = codes
    found[np.bincount(column.rows, minlength=index.n) > 1] = n_shown + 1
    return found
