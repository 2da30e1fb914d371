"""What each pick stands for: the candidates that are nearer to it than to any other pick and any labelled scene.

Counted on a sample, so that a million candidates and ten thousand picks need no hundred billion distances: the reason
states a share of the sample, and its size.
"""

from __future__ import annotations

import numpy as np

from oddloop.select.nearest import nearest
from oddloop.select.pool import Ints, Pool


def fan_out(rows: Ints, pool: Pool, sample: Ints) -> tuple[Ints, Ints]:
    """Count the sampled candidates that each pick stands for.

    Args:
        rows: (k,) picks.
        pool: the candidates.
        sample: (m,) rows with a vector.

    Returns:
        (k,) how many of the sample, itself not counted, and (k,) the nearest of them; -1 where there is none.

    >>> one = np.ones(3)
    >>> pool = Pool(np.array(["a", "b", "c"], object), one, one, one > 0, np.array([[0.0], [1.0], [9.0]]), one > 0,
    ...     np.array([[8.0]]))
    >>> count, example = fan_out(np.array([0]), pool, np.array([0, 1, 2]))
    >>> count.tolist(), example.tolist()
    ([1], [1])
    """
    count, example = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), -1)
    with_vector = np.flatnonzero(pool.has_vector[rows])
    sample = np.setdiff1d(sample, rows)
    if not len(with_vector) or not len(sample):
        return count, example
    sampled = pool.vectors_of(sample)
    distance, which = nearest(sampled, pool.vectors_of(rows[with_vector]))
    closer = np.ones(len(sample), dtype=bool)
    if len(pool.labelled_vectors):
        closer = distance < nearest(sampled, pool.labelled_vectors)[0]
    pick, distance, sample = with_vector[which[closer]], distance[closer], sample[closer]
    count += np.bincount(pick, minlength=len(rows))
    order = np.lexsort((sample, distance, pick))
    first, at = np.unique(pick[order], return_index=True)
    example[first] = sample[order[at]]
    return count, example
