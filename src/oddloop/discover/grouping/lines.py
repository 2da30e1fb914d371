"""Which communities last: a group is a community that stays nearly itself over several layers.

From one layer to the next coarser one, a community goes on in the one that takes it in as long as what the group was at
first makes up at least `SAME` of that; else the coarser one is a new group that holds it. Time O(n + layers x
communities).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
SAME = 0.8
"""Share of a coarser community that a group, as it was in its finest layer, must make up to be still the same."""


@dataclass
class Lines:
    """Groups as they last over layers; numbered so that a group comes after all that it holds.

    Attributes:
        first_size: rows in its finest layer.
        size: rows in its coarsest layer.
        n_layers: how many layers it lasted.
        layer, community: where its rows stand: in its coarsest layer.
        parent: the group that holds it, -1 for none.
    """

    first_size: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    n_layers: list[int] = field(default_factory=list)
    layer: list[int] = field(default_factory=list)
    community: list[int] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)


def follow_lines(layers: list[Ints], least: int) -> Lines:
    """Follow communities of at least `least` rows through nested layers, from fine to coarse.

    >>> layers = [np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1]), np.array([0] * 6)]
    >>> lines = follow_lines(layers, 2)
    >>> lines.size, lines.n_layers, lines.parent
    ([3, 3, 6], [2, 2, 1], [2, 2, -1])
    """
    lines = Lines()
    before, line_before, size_before = (np.zeros(0, dtype=np.int64) for _ in range(3))
    for number, layer in enumerate(layers):
        size: Ints = np.bincount(layer).astype(np.int64)
        line = np.full(len(size), -1, dtype=np.int64)
        if number:
            line = _go_on(lines, number, _parents(before, layer, len(size_before)), line_before, size_before, size)
        for c in np.flatnonzero((line < 0) & (size >= least)).tolist():
            line[c] = _begin(lines, number, c, int(size[c]))
        if number:
            _adopt(lines, _parents(before, layer, len(size_before)), line_before, line)
        before, line_before, size_before = layer, line, size
    return lines


def _parents(before: Ints, layer: Ints, n: int) -> Ints:
    """Community of the coarser layer that each of the finer one lies in."""
    parent = np.zeros(n, dtype=np.int64)
    parent[before] = layer
    return parent


def _go_on(lines: Lines, number: int, parent: Ints, line_before: Ints, size_before: Ints, size: Ints) -> Ints:
    """Group of each community that is one of the layer before, nearly; -1 for the others."""
    line = np.full(len(size), -1, dtype=np.int64)
    order = np.lexsort((np.arange(len(parent)), -size_before, parent))
    _, first = np.unique(parent[order], return_index=True)
    largest = order[first]
    first_size = np.array([*lines.first_size, 0])[line_before[largest]]  # -1, no group, finds the 0
    goes_on = (first_size > 0) & (first_size >= SAME * size)
    for c in np.flatnonzero(goes_on).tolist():
        own = int(line_before[largest[c]])
        line[c] = own
        lines.n_layers[own] += 1
        lines.size[own], lines.layer[own], lines.community[own] = int(size[c]), number, c
    return line


def _begin(lines: Lines, number: int, community: int, size: int) -> int:
    lines.first_size.append(size)
    lines.size.append(size)
    lines.n_layers.append(1)
    lines.layer.append(number)
    lines.community.append(community)
    lines.parent.append(-1)
    return len(lines.size) - 1


def _adopt(lines: Lines, parent: Ints, line_before: Ints, line: Ints) -> None:
    holder = line[parent]
    for c in np.flatnonzero((line_before >= 0) & (holder >= 0) & (holder != line_before)).tolist():
        lines.parent[int(line_before[c])] = int(holder[c])
