"""The nearest of some other rows, such as the labelled scenes: exact for few pairs, in cells of the others for many.

Time O(n m d) for up to `MOST_PAIRS` pairs, O(n sqrt(m)) beyond, where 64 directions stand for all columns and a row
far from all others may be given one that is not quite the nearest. Memory: a float32 copy of both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.neighbours.columns import reduce_both
from oddloop.neighbours.exact import exact_index
from oddloop.neighbours.search import cells_of

MOST_PAIRS = 1_000_000_000
"""Up to this many pairs all are compared: at 256 columns that takes about ten seconds of one core."""
_BATCH = 65_536


def nearest_among(
    points: npt.NDArray[np.float32], others: npt.NDArray[np.float32], k: int, seed: int
) -> npt.NDArray[np.int64]:
    """Find the k nearest of `others` for each point.

    Args:
        points: (n, d) finite.
        others: (m, d) finite, m at least 1.
        k: how many of them.
        seed: of the cells; exact search draws nothing.

    Returns:
        (n, min(k, m)) rows of `others`, nearest first; -1 where cells hold fewer.

    >>> points, others = np.array([[0.0], [5.0]], np.float32), np.array([[4.0], [1.0]], np.float32)
    >>> nearest_among(points, others, 1, 0).tolist()
    [[1], [0]]
    """
    k, is_small = min(k, len(others)), len(points) * len(others) <= MOST_PAIRS
    these, those = (points, others) if is_small else reduce_both(points, others)
    index: Any = exact_index(those) if is_small else cells_of(those, seed)
    found = np.empty((len(points), k), dtype=np.int64)
    for start in range(0, len(points), _BATCH):
        found[start : start + _BATCH] = index.search(np.ascontiguousarray(these[start : start + _BATCH]), k)[1]
    return found
