"""Counting by conjunction: how many scenes and logs each cell holds, and the sums of amounts over it.

A cell is a conjunction of one value of each attribute of a set, and a group of scenes (a status, a half of the logs).
The conjunctions of a set of attributes a, b, c are numbered by mixed radix: (code_a x n_b + code_b) x n_c + code_c.
Only those that hold a scene are listed, in rising order. A scene with several values of an attribute is in several.

This is the reference, by NumPy, for any number of attributes and of cells; `counting` takes the compiled loops where
they serve. Time grows with scenes x sets, memory with the scenes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.segments import Grouping, group_scenes


@dataclass(frozen=True, eq=False)
class Scenes:
    """What is counted: N scenes, those of one log together.

    Attributes:
        encoded: the attributes.
        groups: (N,) int32 group of each scene.
        n_groups: number of groups.
        logs: (N,) int32 log of each scene.
        amounts: (N,M) float64 what is summed.
    """

    encoded: Encoded
    groups: IntArray
    n_groups: int
    logs: IntArray
    amounts: FloatArray


@dataclass(frozen=True, eq=False)
class Cells:
    """The conjunctions of one set of attributes that hold a scene.

    Attributes:
        chosen: places of the set's attributes in the taxonomy, rising.
        numbers: (S,) int64 number of each conjunction by mixed radix, rising.
        n_scenes: (S,G) int64 scenes of each conjunction and group.
        n_logs: (S,G) int64 distinct logs.
        sums: (S,G,M) float64 sums of the amounts.
    """

    chosen: tuple[int, ...]
    numbers: IntArray
    n_scenes: IntArray
    n_logs: IntArray
    sums: FloatArray


def gather(
    encoded: Encoded,
    logs: IntArray,
    groups: IntArray | None = None,
    n_groups: int = 1,
    amounts: FloatArray | None = None,
) -> Scenes:
    """Put scenes in order for counting: those of one log together.

    Args:
        encoded: the attributes of N scenes.
        logs: (N,) log of each scene, 0 or more.
        groups: (N,) group of each scene, in [0, n_groups); None: one group.
        n_groups: number of groups.
        amounts: (N,M) what is summed; None: nothing but scenes and logs.

    >>> gather(Encoded(3, (), None), np.array([7, 2, 7])).logs.tolist()
    [2, 7, 7]
    """
    groups = np.zeros(len(logs), np.int32) if groups is None else groups.astype(np.int32)
    amounts = np.empty((len(logs), 0)) if amounts is None else amounts
    n_runs = np.count_nonzero(np.diff(logs)) + min(len(logs), 1)
    if n_runs > len(np.unique(logs)):
        order = np.argsort(logs, kind="stable")
        encoded, logs, groups, amounts = encoded.take(order), logs[order], groups[order], amounts[order]
    return Scenes(encoded, groups, n_groups, logs.astype(np.int32), amounts)


def attribute_sets(n_attributes: int, max_way: int) -> Iterator[tuple[int, ...]]:
    """All sets of up to `max_way` attributes by place, small sets first.

    >>> list(attribute_sets(3, 2))
    [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    """
    for way in range(max_way + 1):
        yield from itertools.combinations(range(n_attributes), way)


def count_by_numpy(scenes: Scenes, chosen: tuple[int, ...]) -> Cells:
    """Count the cells of one set; at least one scene."""
    grouping = group_scenes(scenes.encoded, chosen)
    n, n_groups = grouping.n_segments, scenes.n_groups
    rows = grouping.segments * n_groups + grouping.spread(scenes.groups)
    by_group = Grouping(grouping.attributes, np.empty((n * n_groups, 0), np.int64), grouping.scenes, rows)
    sums = np.empty((n * n_groups, scenes.amounts.shape[1]))
    for place, amounts in enumerate(scenes.amounts.T):
        sums[:, place] = by_group.total(amounts)
    return Cells(
        chosen,
        encode(grouping.codes, tuple(len(a.values) for a in grouping.attributes)),
        np.bincount(rows, minlength=n * n_groups).reshape(n, n_groups),
        by_group.count_logs(scenes.logs, int(scenes.logs.max()) + 1).reshape(n, n_groups),
        sums.reshape(n, n_groups, -1),
    )


def encode(codes: IntArray, n_values: tuple[int, ...]) -> IntArray:
    """(S,) numbers by mixed radix of conjunctions, from their (S,W) value codes.

    >>> encode(np.array([[0, 0], [1, 2]]), (2, 3)).tolist()
    [0, 5]
    """
    numbers = np.zeros(len(codes), np.int64)
    for place, n in enumerate(n_values):
        numbers = numbers * n + codes[:, place]
    return numbers


def decode(numbers: IntArray, n_values: tuple[int, ...]) -> IntArray:
    """(S,W) value codes of conjunctions, from their numbers by mixed radix.

    >>> decode(np.array([0, 5]), (2, 3)).tolist()
    [[0, 0], [1, 2]]
    """
    codes = np.empty((len(numbers), len(n_values)), np.int64)
    for place in reversed(range(len(n_values))):
        numbers, codes[:, place] = np.divmod(numbers, n_values[place])
    return codes
