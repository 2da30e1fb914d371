"""Count the cells of all sets of attributes, by the compiled loops where they serve.

A set of up to three attributes that has few cells is counted in one pass over the scenes; two sets that differ in their
last attribute share a pass. A set with millions of cells, most of them empty, is left to NumPy (`cells`), and so is
everything where numba is not installed. Both give the same counts, and the same sums where those are exact (`cube`).

Time grows with scenes x sets (5 ns each on one core, at four amounts), memory with the scenes and one set's cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from types import ModuleType

import numpy as np

from oddloop.compiled import import_loops
from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.attributes import EncodedAttribute
from oddloop.coverage.cube.cells import Cells, Scenes, attribute_sets, count_by_numpy

_MOST_ATTRIBUTES = 3
_MOST_CELLS = 1 << 22
_LANES, _MOST_LANES = 4, 8
"""Amounts that a loop adds at once: a multiple of the first, up to the second."""
_Chosen = tuple[int, ...]
_Room = tuple[IntArray, IntArray, FloatArray]
"""Distinct logs, log met last, and sums of each cell."""


def count_cells(scenes: Scenes, max_way: int, some: Iterable[_Chosen] | None = None) -> Iterator[Cells]:
    """Count the cells of every set of up to `max_way` attributes, in the order of `attribute_sets`.

    Args:
        scenes: what is counted, as `gather` gives it; nothing comes of no scenes.
        max_way: attributes in a set, at most.
        some: count these sets instead, in that order.

    >>> from oddloop.coverage.cube.cells import gather
    >>> from oddloop.coverage.attributes import Encoded
    >>> sky = EncodedAttribute("sky", ("clear", "rain"), np.array([0, 1, 1], np.int32))
    >>> counted = list(count_cells(gather(Encoded(3, (sky,), None), np.array([0, 0, 1])), 1))[1]
    >>> counted.numbers.tolist(), counted.n_scenes.tolist(), counted.n_logs.tolist()
    ([0, 1], [[1], [2]], [[1], [2]])
    """
    wanted = attribute_sets(len(scenes.encoded.attributes), max_way) if some is None else some
    sets = iter(wanted if scenes.encoded.n_scenes else ())
    loops = import_loops("oddloop.coverage.cube.kernels")
    if loops is None:
        yield from (count_by_numpy(scenes, chosen) for chosen in sets)
        return
    blocks = _in_lanes(scenes.amounts)
    for _, run in itertools.groupby(sets, lambda chosen: chosen[:-1]):
        while some := tuple(itertools.islice(run, 2)):
            yield from _count_some(loops, scenes, blocks, some)


def _count_some(
    loops: ModuleType, scenes: Scenes, blocks: list[FloatArray], some: tuple[_Chosen, ...]
) -> Iterator[Cells]:
    """One or two sets that differ in their last attribute at most."""
    ways = [_way_to_count(scenes, chosen) for chosen in some]
    if set(ways) == {"single"}:
        yield from _count_two(loops, scenes, blocks, some)
        return
    for way, chosen in zip(ways, some, strict=True):
        if way == "single":
            yield from _count_two(loops, scenes, blocks, (chosen,))
        elif way == "ragged":
            yield _count_ragged(loops, scenes, blocks, chosen)
        else:
            yield count_by_numpy(scenes, chosen)


def _way_to_count(scenes: Scenes, chosen: _Chosen) -> str:
    if len(chosen) > _MOST_ATTRIBUTES or _n_cells(scenes, chosen) > _MOST_CELLS:
        return "sparse"
    return "ragged" if any(scenes.encoded.attributes[place].offsets is not None for place in chosen) else "single"


def _count_two(
    loops: ModuleType, scenes: Scenes, blocks: list[FloatArray], some: tuple[_Chosen, ...]
) -> Iterator[Cells]:
    """One or two sets of attributes of one value each; a lone one is counted beside its first two attributes."""
    triples = [_three(scenes, chosen) for chosen in some]
    first, second, _ = triples[0]
    thirds = tuple([*(triple[2] for triple in triples), _nothing(scenes)][:2])
    sizes = [scenes.n_groups * len(first.values) * len(second.values) * len(third.values) for third in thirds]
    rooms = []
    for block in blocks:
        rooms.append([_make_room(size, block.shape[1]) for size in sizes])
        loops.count_two(
            first.codes,
            second.codes,
            tuple(third.codes for third in thirds),
            scenes.groups,
            np.uint64(len(second.values)),
            tuple(np.uint64(len(third.values)) for third in thirds),
            np.uint64(scenes.n_groups),
            scenes.logs,
            block,
            (0,) * block.shape[1],
            *rooms[-1],
        )
    for place, chosen in enumerate(some):
        yield _occupied(chosen, scenes, [room[place] for room in rooms])


def _count_ragged(loops: ModuleType, scenes: Scenes, blocks: list[FloatArray], chosen: _Chosen) -> Cells:
    """One set with an attribute of several values per scene."""
    attributes = _three(scenes, chosen)
    n_values = [np.uint64(n) for n in (*(len(a.values) for a in attributes[1:]), scenes.n_groups)]
    single = np.arange(scenes.encoded.n_scenes + 1)
    bounds = [single if a.offsets is None else a.offsets for a in attributes]
    rooms = []
    for block in blocks:
        rooms.append(_make_room(_n_cells(scenes, chosen), block.shape[1]))
        codes, lanes = (a.codes for a in attributes), (0,) * block.shape[1]
        loops.count_ragged(*codes, scenes.groups, *n_values, scenes.logs, block, lanes, *rooms[-1], *bounds)
    return _occupied(chosen, scenes, rooms)


def _occupied(chosen: _Chosen, scenes: Scenes, rooms: list[_Room]) -> Cells:
    """Those conjunctions that hold a scene; the first sum is their number of scenes."""
    n_logs, _, _ = rooms[0]
    flat = np.concatenate([sums for _, _, sums in rooms], axis=1)
    sums = flat.reshape(-1, scenes.n_groups, flat.shape[1])
    n_scenes = sums[:, :, 0]
    numbers = np.flatnonzero(n_scenes.any(axis=1))
    return Cells(
        chosen,
        numbers,
        n_scenes[numbers].astype(np.int64),
        n_logs.reshape(-1, scenes.n_groups)[numbers].astype(np.int64),
        sums[numbers, :, 1 : 1 + scenes.amounts.shape[1]],
    )


def _n_cells(scenes: Scenes, chosen: _Chosen) -> int:
    n_cells = scenes.n_groups
    for place in chosen:
        n_cells *= len(scenes.encoded.attributes[place].values)
    return n_cells


def _in_lanes(amounts: FloatArray) -> list[FloatArray]:
    """Blocks of as many columns as a loop adds at once: ones, the amounts, and zeros to fill them up."""
    n_empty = -(amounts.shape[1] + 1) % _LANES
    columns = np.concatenate([np.ones((len(amounts), 1)), amounts, np.zeros((len(amounts), n_empty))], axis=1)
    bounds = range(_MOST_LANES, columns.shape[1], _MOST_LANES)
    return [np.ascontiguousarray(block) for block in np.split(columns, bounds, axis=1)]


def _three(scenes: Scenes, chosen: _Chosen) -> list[EncodedAttribute]:
    """The attributes of a set, filled up in front."""
    nothing = [_nothing(scenes)] * (_MOST_ATTRIBUTES - len(chosen))
    return [*nothing, *(scenes.encoded.attributes[place] for place in chosen)]


def _nothing(scenes: Scenes) -> EncodedAttribute:
    """An attribute of one value."""
    return EncodedAttribute("", ("",), np.zeros(scenes.encoded.n_scenes, np.int32))


def _make_room(n_cells: int, n_lanes: int) -> _Room:
    """For cells that have met nothing yet."""
    return np.zeros(n_cells, np.int32), np.full(n_cells, -1, np.int32), np.zeros((n_cells, n_lanes))
