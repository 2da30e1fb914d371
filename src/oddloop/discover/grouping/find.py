"""Group rows by the method that the settings name; the default is made for groups that are rare.

`auto` finds communities of the neighbour graph at every resolution and keeps all that last over several of them, so a
rare group need not compete with a coarse one for the one layer that a method would choose. Up to `MOST_IN_GRAPH` rows
one graph holds all; beyond, cells are grouped first (`cells`). The number of threads changes nothing, nor does the
order of rows, but for rows that are alike in every value. Growth: see `oddloop.neighbours`, `communities` and `cells`.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from oddloop.config import ClusterConfig
from oddloop.discover.grouping.canonical import canonical_order, check_points
from oddloop.discover.grouping.cells import group_by_cells
from oddloop.discover.grouping.choose import choose_groups
from oddloop.discover.grouping.communities import find_layers, neighbour_graph
from oddloop.discover.grouping.groups import Groups, Ints, make_groups
from oddloop.discover.grouping.named import label_by_name
from oddloop.errors import TableError
from oddloop.neighbours import MOST_EXACT, nearest_neighbours, reduce_columns
from oddloop.tasks import Run, run_here

MOST_IN_GRAPH = 2_000_000


def find_groups(
    points: npt.ArrayLike,
    *,
    logs: npt.ArrayLike | None = None,
    config: ClusterConfig | None = None,
    seed: int = 0,
    run: Run = run_here,
) -> Groups:
    """Group rows that are alike.

    Args:
        points: (n, d) numbers of any float width, finite, in units in which Euclidean distance means something.
        logs: (n,) integers, the log that each row is of: a group must span several; None: each row is a log of its own.
        config: method, smallest group, neighbours; None for the defaults.
        seed: of whatever the method draws.
        run: how parts are run where there are more rows than one graph should hold.

    Returns:
        nested groups and a flat partition; none where there are fewer rows than a group needs.

    Raises:
        TableError: points or logs are of the wrong shape, or points are not finite.

    >>> points = np.concatenate([np.linspace(0, 1, 30), np.linspace(50, 51, 8)])[:, None]
    >>> groups = find_groups(points, config=ClusterConfig(min_scenes=5, min_logs=1))
    >>> [groups.members(i).tolist() for i in range(len(groups))][1] == list(range(30, 38))
    True
    """
    config = config or ClusterConfig()
    values = check_points(points)
    codes = None if logs is None else _check_logs(logs, len(values))
    order = canonical_order(values)
    inner = codes[order] if codes is not None else None
    found = _find(np.ascontiguousarray(values[order]), inner, config, seed, run)
    members = [order[found.members(i)] for i in range(len(found))]
    labels = np.empty(len(values), dtype=np.int64)
    labels[order] = found.labels
    return make_groups(members, found.parent.tolist(), found.persistence.tolist(), labels, found.method)


def _find(points: npt.NDArray[np.float32], logs: Ints | None, config: ClusterConfig, seed: int, run: Run) -> Groups:
    if len(points) < max(config.min_scenes, config.min_logs, 2):
        return make_groups([], [], [], np.full(len(points), -1, dtype=np.int64), config.method)
    if config.method != "auto":
        return _flat_groups(label_by_name(points, config, seed), logs, config)

    direct = functools.partial(_by_layers, config, seed)
    return direct(points, logs) if len(points) <= MOST_IN_GRAPH else group_by_cells(points, logs, direct, seed, run)


def _by_layers(config: ClusterConfig, seed: int, points: npt.NDArray[np.float32], logs: Ints | None) -> Groups:
    graph = neighbour_graph(nearest_neighbours(reduce_columns(points, MOST_EXACT), config.neighbours, seed))
    part: Ints = connected_components(graph, directed=False)[1].astype(np.int64)
    return choose_groups(find_layers(graph), part, logs, config.min_scenes, config.min_logs, "layers")


def _flat_groups(labels: Ints, logs: Ints | None, config: ClusterConfig) -> Groups:
    members = [np.flatnonzero(labels == name) for name in np.unique(labels[labels >= 0])]
    spans = [len(rows) if logs is None else len(np.unique(logs[rows])) for rows in members]
    enough = [len(r) >= config.min_scenes and s >= config.min_logs for r, s in zip(members, spans, strict=True)]
    kept = [rows for rows, ok in zip(members, enough, strict=True) if ok]
    flat = np.full(len(labels), -1, dtype=np.int64)
    for number, rows in enumerate(kept):
        flat[rows] = number
    return make_groups(kept, [-1] * len(kept), [1.0] * len(kept), flat, config.method)


def _check_logs(logs: npt.ArrayLike, n: int) -> Ints:
    codes = np.asarray(logs)
    if codes.shape != (n,) or not np.issubdtype(codes.dtype, np.integer):
        raise TableError(f"logs must be {n} integers, one per row; got {codes.dtype}, {codes.shape}")
    return codes.astype(np.int64)
