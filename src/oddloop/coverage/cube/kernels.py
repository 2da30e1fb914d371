"""The compiled loops that count cells: imported by `counting` when the first of them runs.

A cell is one conjunction of the values of three attributes and one group (`cells`). Each loop makes one pass over the
scenes, keeps the cells in the processor's cache, and adds all amounts of a scene at once: four or eight, which the
compiler knows from the length of the tuple `lanes`. Scenes of one log stand together, so a cell has met a log before
exactly if it was the last one that it met. Cell numbers are unsigned, for else each would be tested for being negative.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.coverage.arrays import FloatArray, IntArray


@compile_loop
def count_two(
    first: IntArray,
    second: IntArray,
    thirds: tuple[IntArray, IntArray],
    groups: IntArray,
    n_second: np.uint64,
    n_thirds: tuple[np.uint64, np.uint64],
    n_groups: np.uint64,
    logs: IntArray,
    amounts: FloatArray,
    lanes: tuple[int, ...],
    some: tuple[IntArray, IntArray, FloatArray],
    others: tuple[IntArray, IntArray, FloatArray],
) -> None:
    """Count the cells of two sets of attributes that differ in their third one, for scenes of one value of each.

    Args:
        first, second, thirds: (N,) int32 codes of each scene.
        groups: (N,) int32 group of each scene.
        n_second, n_thirds, n_groups: number of values, and of groups.
        logs: (N,) int32 log of each scene, each log's scenes together.
        amounts: (N,L) what is summed.
        lanes: a tuple of length L.
        some, others: per set, the distinct logs (C,), the log met last (C,) that is -1 at first, and the sums (C,L) of
            each cell; all are added to.
    """
    c, d, n_c, n_d = thirds[0], thirds[1], n_thirds[0], n_thirds[1]
    n_logs_c, last_c, sums_c = some
    n_logs_d, last_d, sums_d = others
    for i in range(len(groups)):
        pair = np.uint32(first[i]) * n_second + np.uint32(second[i])
        k = (pair * n_c + np.uint32(c[i])) * n_groups + np.uint32(groups[i])
        m = (pair * n_d + np.uint32(d[i])) * n_groups + np.uint32(groups[i])
        for j in range(len(lanes)):
            sums_c[k, j] += amounts[i, j]
            sums_d[m, j] += amounts[i, j]
        log = logs[i]
        n_logs_c[k] += last_c[k] != log
        last_c[k] = log
        n_logs_d[m] += last_d[m] != log
        last_d[m] = log


@compile_loop
def count_ragged(
    first: IntArray,
    second: IntArray,
    third: IntArray,
    groups: IntArray,
    n_second: np.uint64,
    n_third: np.uint64,
    n_groups: np.uint64,
    logs: IntArray,
    amounts: FloatArray,
    lanes: tuple[int, ...],
    n_logs: IntArray,
    last: IntArray,
    sums: FloatArray,
    first_bounds: IntArray,
    second_bounds: IntArray,
    third_bounds: IntArray,
) -> None:
    """Count the cells of one set for scenes that may have several values; see `count_two`.

    The last three arguments are the (N+1,) bounds of each scene's codes.
    """
    for i in range(len(groups)):
        for x in range(first_bounds[i], first_bounds[i + 1]):
            for y in range(second_bounds[i], second_bounds[i + 1]):
                pair = np.uint32(first[x]) * n_second + np.uint32(second[y])
                for z in range(third_bounds[i], third_bounds[i + 1]):
                    k = (pair * n_third + np.uint32(third[z])) * n_groups + np.uint32(groups[i])
                    for j in range(len(lanes)):
                        sums[k, j] += amounts[i, j]
                    n_logs[k] += last[k] != logs[i]
                    last[k] = logs[i]
