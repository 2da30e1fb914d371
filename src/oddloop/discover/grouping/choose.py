"""From layers to groups: which last long enough to be shown, and which of them make the flat partition.

Shown is every group that lasts `LEAST_LAYERS` layers and spans enough rows and logs, at whatever resolution: a rare
group counts as much as a large one. The flat partition takes, of each nest, either the group or what it takes inside
it, whichever lasts longer by rows x layers: the best of all cuts through the tree (as in Campello et al. 2013, with
layers in the place of density). Layers at a resolution below `_COARSEST` count for a group that has no edge to the rest
only: any two groups that do are one at some low resolution, and stay it for ever.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.discover.grouping.communities import RESOLUTIONS
from oddloop.discover.grouping.groups import Groups, make_groups
from oddloop.discover.grouping.lines import Lines, follow_lines

Ints = npt.NDArray[np.int64]
_COARSEST = 0.25
_WHOLE = 1.25
"""How much more the parts of a group must be worth than itself to stand in its place in the flat partition."""
LEAST_LAYERS = 5
"""Two octaves of resolution and a half; on noise alone few communities last longer."""


def choose_groups(
    layers: list[Ints], part: Ints, logs: Ints | None, min_rows: int, min_logs: int, method: str
) -> Groups:
    """Choose the groups that last.

    Args:
        layers: nested communities, from fine to coarse, as `find_layers` gives them.
        part: (n,) number of the connected part of the graph that each row is in.
        logs: (n,) number of each row's log; None where rows are their own logs.
        min_rows, min_logs: smallest group.
        method: for `Groups.method`.

    Returns:
        the groups; one that holds all rows says nothing and is left out.

    >>> layers = [np.array([0, 0, 0, 1, 1, 1])] * 5 + [np.array([0] * 6)] * 9
    >>> groups = choose_groups(layers, np.zeros(6, dtype=np.int64), None, 2, 1, "layers")
    >>> groups.labels.tolist(), groups.persistence.round(2).tolist()
    ([0, 0, 0, 1, 1, 1], [0.36, 0.36])
    """
    n = len(layers[0])
    lines = follow_lines(layers, min_rows)
    rows_of = _rows_by_group(layers, lines)
    enough = np.array([_is_group(lines, i, rows_of[i], logs, n, min_logs) for i in range(len(lines.size))], dtype=bool)
    shown = np.flatnonzero(enough)
    place = {int(old): new for new, old in enumerate(shown.tolist())}
    parent = [place.get(_shown_parent(lines, int(i), enough), -1) for i in shown]
    labels = np.full(n, -1, dtype=np.int64)
    for i in _flat(lines, enough, _worth(lines, rows_of, part)):
        labels[rows_of[i]] = place[i]
    members = [rows_of[int(i)] for i in shown]
    return make_groups(members, parent, [lines.n_layers[i] / len(layers) for i in shown], labels, method)


def _rows_by_group(layers: list[Ints], lines: Lines) -> list[Ints]:
    """Rows of each group, each layer sorted once."""
    rows: list[Ints] = [np.zeros(0, dtype=np.int64)] * len(lines.size)
    where = np.array(lines.layer, dtype=np.int64)
    for number in np.unique(where).tolist():
        order = np.argsort(layers[number], kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(layers[number]))])
        for i in np.flatnonzero(where == number).tolist():
            c = lines.community[i]
            rows[i] = order[starts[c] : starts[c + 1]]
    return rows


def _is_group(lines: Lines, i: int, rows: Ints, logs: Ints | None, n: int, min_logs: int) -> bool:
    if lines.n_layers[i] < LEAST_LAYERS or len(rows) == n:
        return False
    return len(rows) >= min_logs if logs is None else len(np.unique(logs[rows])) >= min_logs


def _shown_parent(lines: Lines, i: int, enough: npt.NDArray[np.bool_]) -> int:
    i = lines.parent[i]
    while i >= 0 and not enough[i]:
        i = lines.parent[i]
    return i


def _worth(lines: Lines, rows_of: list[Ints], part: Ints) -> npt.NDArray[np.float64]:
    """(g,) rows x layers that count."""
    last = sum(resolution >= _COARSEST for resolution in RESOLUTIONS) - 1
    layer, n_layers = np.array(lines.layer, dtype=np.int64), np.array(lines.n_layers, dtype=np.int64)
    counted = np.maximum(np.minimum(layer, last) - (layer - n_layers), 0)
    size = np.bincount(part)
    alone = [len(rows) == size[part[rows[0]]] and (part[rows] == part[rows[0]]).all() for rows in rows_of]
    worth: npt.NDArray[np.float64] = np.where(alone, n_layers, counted) * np.array(lines.size, dtype=np.float64)
    return worth


def _flat(lines: Lines, enough: npt.NDArray[np.bool_], worth: npt.NDArray[np.float64]) -> list[int]:
    """Groups of the best cut; a group comes after all that it holds, so one pass finds the worth of each."""
    n = len(lines.size)
    inside, taken = np.zeros(n + 1), np.zeros(n, dtype=bool)
    for i in range(n):
        own = float(worth[i]) if enough[i] else 0.0
        taken[i] = own > 0 and _WHOLE * own >= inside[i]
        inside[lines.parent[i]] += own if taken[i] else inside[i]
    cut: list[int] = []
    covered = np.zeros(n + 1, dtype=bool)
    for i in reversed(range(n)):
        covered[i] |= covered[lines.parent[i]]
        if taken[i] and not covered[i]:
            cut.append(i)
            covered[i] = True
    return cut
