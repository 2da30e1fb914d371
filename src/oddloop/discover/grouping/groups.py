"""Groups of rows as every method gives them: nested, with a flat partition beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Groups:
    """Groups of rows; of two that share a row, one holds the other.

    Attributes:
        offsets: (g + 1,) and
        rows: (m,) the members of group i are rows[offsets[i] : offsets[i + 1]], ascending.
        parent: (g,) smallest group that holds it, -1 for none.
        persistence: (g,) share of all layers in which the group is nearly itself, in (0, 1]; 1 for a method without
            layers.
        labels: (n,) flat partition: one group per row, -1 for none.
        method: what was done, such as `layers`, `layers of cells`, `hdbscan`.
    """

    offsets: Ints
    rows: Ints
    parent: Ints
    persistence: Floats
    labels: Ints
    method: str

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self.parent)

    def spread(self, stands_for: Ints) -> Groups:
        """The same groups over rows for which the present ones stand.

        Args:
            stands_for: (m,) present row that stands for each of the new rows; every present row stands for one.

        >>> groups = make_groups([np.array([0, 1])], [-1], [1.0], np.array([0, 0, -1]), "layers")
        >>> wide = groups.spread(np.array([0, 0, 1, 2]))
        >>> wide.members(0).tolist(), wide.labels.tolist()
        ([0, 1, 2], [0, 0, 0, -1])
        """
        order = np.argsort(stands_for, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(stands_for, minlength=len(self.labels)))])
        members = [
            np.concatenate([order[start[row] : start[row + 1]] for row in self.members(i).tolist()])
            for i in range(len(self))
        ]
        return make_groups(
            members, self.parent.tolist(), self.persistence.tolist(), self.labels[stands_for], self.method
        )

    def members(self, group: int) -> Ints:
        """Rows of a group, ascending."""
        return self.rows[self.offsets[group] : self.offsets[group + 1]]


def make_groups(members: list[Ints], parent: list[int], persistence: list[float], labels: Ints, method: str) -> Groups:
    """Put groups in order: by falling size, then by their first row, so that numbers say nothing of how they came.

    >>> groups = make_groups([np.array([2]), np.array([0, 1, 2])], [1, -1], [0.5, 1.0], np.array([1, 1, 0]), "layers")
    >>> groups.parent.tolist(), groups.members(1).tolist(), groups.labels.tolist()
    ([-1, 0], [2], [0, 0, 1])
    """
    size = np.array([len(rows) for rows in members], dtype=np.int64)
    first = np.array([rows.min() for rows in members], dtype=np.int64)
    order = np.lexsort((first, -size)) if len(members) else np.zeros(0, dtype=np.int64)
    number = np.full(len(members) + 1, -1, dtype=np.int64)  # the last stands for -1
    number[order] = np.arange(len(order))
    rows = [np.sort(members[i]) for i in order.tolist()]
    return Groups(
        np.concatenate([[0], np.cumsum(size[order])]).astype(np.int64),
        np.concatenate([np.zeros(0, dtype=np.int64), *rows]),
        number[np.array(parent, dtype=np.int64)[order]] if len(order) else np.zeros(0, dtype=np.int64),
        np.array(persistence, dtype=np.float64)[order],
        number[labels],
        method,
    )
