"""Parts of the map that a reader may go to from the one in sight."""

from __future__ import annotations

from dataclasses import dataclass

from oddloop.web.queries.clusters import MapAsked

N_CELLS = 3
"""Cells per row and column of the part in sight; each leads to itself, made larger."""
_LEAST = 1e-5
Part = dict[str, float]


@dataclass(frozen=True)
class Zoom:
    """Parts of the map: the cells of the one in sight by row, and what lies around it; None where that is the whole."""

    cells: tuple[Part, ...]
    out: Part | None


def zoom_of(asked: MapAsked) -> Zoom:
    """Where one may go from a part; a part that is very small already has no cells.

    >>> zoom_of(MapAsked(right=0.3)).out
    {'left': 0.0, 'right': 0.6, 'top': 0.0, 'bottom': 1.0}
    >>> zoom_of(MapAsked()).cells[8]
    {'left': 0.666667, 'right': 1.0, 'top': 0.666667, 'bottom': 1.0}
    """
    width, height = asked.right - asked.left, asked.bottom - asked.top
    steps = [(row, column) for row in range(N_CELLS) for column in range(N_CELLS)]
    cells = [
        _part(asked.left + width * column / N_CELLS, asked.top + height * row / N_CELLS, width / N_CELLS,
              height / N_CELLS)
        for row, column in steps
        if min(width, height) > _LEAST
    ]  # fmt: skip
    is_whole = width >= 1 and height >= 1
    out = None if is_whole else _part(asked.left - width, asked.top - height, N_CELLS * width, N_CELLS * height)
    return Zoom(tuple(cells), out)


def _part(left: float, top: float, width: float, height: float) -> Part:
    ends = {"left": left, "right": left + width, "top": top, "bottom": top + height}
    return {name: round(min(max(end, 0.0), 1.0), 6) for name, end in ends.items()}
