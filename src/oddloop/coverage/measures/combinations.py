"""Combinatorial coverage: which combinations of t attributes' values the data holds.

    simple   share of the C(k, t) sets of attributes of which every combination of values was seen
    total    combinations seen / combinations possible, over all sets
    share    per set: its combinations seen / possible; (p, q)-spanning: the share p of sets with a share of at least q

A value that nobody wants (outside the ODD, `unknown`) is not counted as possible, nor as seen. Time grows with
memberships x sets of attributes, memory with the memberships of one set.

References:
    Kuhn, Dominguez Mendoza, Kacker and Lei, Combinatorial coverage measurement concepts and applications, 2013; NIST
    SP 800-142.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from oddloop.config import AttributeConfig
from oddloop.coverage.arrays import BoolArray, IntArray
from oddloop.coverage.attributes import Encoded, EncodedAttribute
from oddloop.coverage.encoding import NONE
from oddloop.coverage.segments import Grouping, iterate_groupings
from oddloop.tables import UNKNOWN

Wanted = Callable[[EncodedAttribute], BoolArray]
"""Which of an attribute's values the data should hold: (V,) booleans."""


@dataclass(frozen=True, eq=False)
class TWay:
    """Coverage by combinations of t attributes.

    Attributes:
        t: attributes in a combination.
        attributes: the sets of attributes.
        n_seen: (C,) combinations of each set that the data holds.
        n_possible: (C,) combinations of each set that there are.
    """

    t: int
    attributes: tuple[tuple[str, ...], ...]
    n_seen: IntArray
    n_possible: IntArray

    @property
    def shares(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """(C,) share of each set's combinations that was seen; NaN where it has none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.n_seen / self.n_possible, np.float64)

    @property
    def simple(self) -> float:
        """Share of the sets that are covered in full; NaN where there is no set."""
        return self.spanning(1.0)

    @property
    def total(self) -> float:
        """Share of all combinations that was seen; NaN where there are none."""
        possible = int(self.n_possible.sum())
        return int(self.n_seen.sum()) / possible if possible else float("nan")

    def spanning(self, share: float) -> float:
        """Share of the sets of which at least `share` of the combinations was seen; NaN where there is no set."""
        shares = self.shares[self.n_possible > 0]
        return float((shares >= share).mean()) if len(shares) else float("nan")


def t_way_coverage(encoded: Encoded, t: int, wanted: Wanted | None = None) -> TWay:
    """Measure which combinations of t attributes' values the scenes hold.

    Args:
        encoded: the attributes of N scenes.
        t: attributes in a combination, at least 1.
        wanted: values that count; None: all but `unknown`. See `inside_odd`.

    Raises:
        ValueError: t is below 1.

    >>> import pyarrow as pa
    >>> from oddloop.coverage.attributes import encode_attributes
    >>> rows = ["0000", "0110", "1001", "0111"]  # the example of NIST
    >>> table = pa.table({name: [row[i] for row in rows] for i, name in enumerate("abcd")})
    >>> two = t_way_coverage(encode_attributes(table, {name: AttributeConfig() for name in "abcd"}), 2)
    >>> round(two.simple, 3), round(two.total, 3)
    (0.333, 0.792)
    """
    if t < 1:
        raise ValueError(f"t must be 1 or more; got {t}")
    keeps = wanted or known_values
    masks = {attribute.name: keeps(attribute) for attribute in encoded.attributes}
    groupings = [g for g in iterate_groupings(encoded, t) if len(g.attributes) == t]
    seen = [int(is_wanted(g, masks).sum()) for g in groupings]
    possible = [prod(int(masks[a.name].sum()) for a in g.attributes) for g in groupings]
    names = tuple(tuple(a.name for a in g.attributes) for g in groupings)
    return TWay(t, names, np.array(seen, np.int64), np.array(possible, np.int64))


def known_values(attribute: EncodedAttribute) -> BoolArray:
    """(V,) all values but `unknown`.

    >>> known_values(EncodedAttribute("sky", ("clear", "unknown"), np.array([0])))
    array([ True, False])
    """
    return np.array([value != UNKNOWN for value in attribute.values], np.bool_)


def inside_odd(attributes: Mapping[str, AttributeConfig]) -> Wanted:
    """Wanted values by a taxonomy: those that are neither `unknown` nor outside the ODD.

    Nor `none`, that no tag or flag holds, unless the taxonomy names it: it is no condition to look for.

    >>> wanted = inside_odd({"sky": AttributeConfig(outside=("snow",))})
    >>> wanted(EncodedAttribute("sky", ("clear", "snow", "unknown"), np.array([0])))
    array([ True, False, False])
    """

    def keeps(attribute: EncodedAttribute) -> BoolArray:
        config = attributes[attribute.name]
        unasked = set(config.all_outside)
        if config.kind in ("multilabel", "flags") and NONE not in config.all_values:
            unasked.add(NONE)
        return known_values(attribute) & np.array([value not in unasked for value in attribute.values], np.bool_)

    return keeps


def is_wanted(grouping: Grouping, masks: Mapping[str, BoolArray]) -> BoolArray:
    """(S,) whether all values of each segment are wanted."""
    kept = np.ones(grouping.n_segments, np.bool_)
    for attribute, codes in zip(grouping.attributes, grouping.codes.T, strict=True):
        kept &= masks[attribute.name][codes]
    return kept
