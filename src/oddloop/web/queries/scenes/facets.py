"""How many scenes there are of each value, given all other conditions: the bars that one filters by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.tables import UNKNOWN
from oddloop.web.queries.scenes.asked import ScenesAsked
from oddloop.web.queries.scenes.column import Column, Ints, Mask
from oddloop.web.queries.scenes.index import Index
from oddloop.web.queries.scenes.keep import Kept, frequent

MOST_SHOWN = 500


@dataclass(frozen=True)
class Bar:
    """A value with its scenes; `share` is that of the scenes that the others of its attribute are counted among."""

    value: str
    n: int
    share: float
    is_on: bool


@dataclass(frozen=True)
class Facet:
    """The values of an attribute; `rest` stands for those that are too rare to be shown, null where there are none.

    `n_rest` is how many values that are, `is_whole` whether they are shown after all.
    """

    attribute: str
    bars: tuple[Bar, ...]
    rest: Bar | None
    n_rest: int
    is_whole: bool


def read_facets(index: Index, asked: ScenesAsked, kept: Kept) -> tuple[Facet, ...]:
    """Bars of every attribute."""
    everywhere = Mask(kept.all_but())
    return tuple(
        _facet(index, asked, name, Mask(kept.all_but(name)) if name in kept.by_attribute else everywhere)
        for name in index.attributes
    )


def _facet(index: Index, asked: ScenesAsked, name: str, among: Mask) -> Facet:
    column = index.attribute(name)
    found = _counts(index, name, column, among)
    counts = dict(zip(column.values, found.tolist(), strict=True))
    chosen, shown = asked.values_of(name), frequent(index, name)
    hidden = sorted(set(column.values) - set(shown))
    is_whole = bool(hidden) and name in asked.all
    listed = [*shown, *chosen, *(hidden[:MOST_SHOWN] if is_whole else ())]
    bars = tuple(_bar(value, counts.get(value, 0), among, value in chosen) for value in in_order(index, name, listed))
    rest = _bar("", _n_with(column, hidden, counts, among), among, name in asked.rest) if hidden else None
    return Facet(name, bars, rest, len(hidden), is_whole)


def _bar(value: str, n: int, among: Mask, is_on: bool) -> Bar:
    return Bar(value, n, n / max(among.n, 1), is_on)


def _n_with(column: Column, values: list[str], counts: dict[str, int], among: Mask) -> int:
    """Scenes with any of some values; a scene with several counts once."""
    if column.rows is None:
        return sum(counts[value] for value in values)
    rare = frozenset(values)
    return column.count_any(np.array([i for i, value in enumerate(column.values) if value in rare]), among)


def _counts(index: Index, name: str, column: Column, among: Mask) -> Ints:
    """Counted once where nothing is left out."""
    if among.n < index.n:
        return column.counts(among)
    return index.view.cached(("all counts", index.digest, name), lambda: column.counts(among))


def in_order(index: Index, name: str, values: list[str]) -> list[str]:
    """As the taxonomy has them, then by name; unknown last."""
    config = index.view.config.attributes.get(name)
    place = {value: i for i, value in enumerate(config.all_values if config else ())}
    return sorted(dict.fromkeys(values), key=lambda v: (v == UNKNOWN, place.get(v, len(place)), v))
