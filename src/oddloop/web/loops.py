"""The compiled loops over the map; imported by `oddloop.compiled.import_loops` only, since it imports numba.

Each does what NumPy does beside it, in the same order of operations, in one pass over the scenes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.compiled import compile_loop

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int32]


@compile_loop
def count_within(x: Floats, y: Floats, label: Labels, place: Ints, low: Floats, high: Floats, counts: Ints) -> None:
    """Add the scenes in a rectangle to `counts` at `place` of their label; a label of -1 is the last one."""
    for i in range(len(x)):
        if low[0] <= x[i] <= high[0] and low[1] <= y[i] <= high[1]:
            counts[place[label[i]]] += 1


@compile_loop
def count_by_pixel(x: Floats, y: Floats, label: Labels, kind: Ints, low: Floats, high: Floats, counts: Counts) -> None:
    """Add the scenes in a rectangle to `counts` (height, width, kinds), from the top and the left."""
    height, width, _ = counts.shape
    span_x, span_y = high[0] - low[0], high[1] - low[1]
    for i in range(len(x)):
        if low[0] <= x[i] <= high[0] and low[1] <= y[i] <= high[1]:
            column = min(int((x[i] - low[0]) / span_x * width), width - 1)
            row = min(int((y[i] - low[1]) / span_y * height), height - 1)
            counts[height - 1 - row, column, kind[label[i]]] += 1


@compile_loop
def mix(counts: Counts, weight: Floats, palette: Floats, image: npt.NDArray[np.uint8], total: Counts) -> None:
    """Put the mean colour of each pixel's scenes, by weight, into `image`, and how many there are into `total`."""
    height, width, n = counts.shape
    for row in range(height):
        for column in range(width):
            red, green, blue, weights = 0.0, 0.0, 0.0, 0.0
            found = 0
            for kind in range(n):
                here = counts[row, column, kind]
                if here:
                    share = here * weight[kind]
                    found += here
                    weights += share
                    red += share * palette[kind, 0]
                    green += share * palette[kind, 1]
                    blue += share * palette[kind, 2]
            if found:
                image[row, column, 0] = np.uint8(np.rint(red / weights))
                image[row, column, 1] = np.uint8(np.rint(green / weights))
                image[row, column, 2] = np.uint8(np.rint(blue / weights))
                total[row, column] = found
