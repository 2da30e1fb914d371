"""Which scenes lie in a part of the map that somebody has drawn."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from oddloop.web.queries.clusters.whole_map import read_whole_map
from oddloop.web.store import NothingThereError, View

Floats = npt.NDArray[np.float64]
MOST_CORNERS = 2000
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Corner = tuple[Share, Share]


class Area(BaseModel):
    """A polygon on the map."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    corners: Annotated[
        tuple[Corner, ...],
        Field(
            min_length=3,
            max_length=MOST_CORNERS,
            description="(from the left, from the top) as shares of the whole map; the last one joins the first",
        ),
    ]


def scenes_within(view: View, area: Area) -> pa.Array:
    """Ids of the scenes on the map that lie in an area.

    Raises:
        NothingThereError: there is no map yet.
    """
    whole = read_whole_map(view)
    if whole is None:
        raise NothingThereError("there is no map yet; `oddloop discover` makes it")
    corners = np.array(area.corners) * [1, -1] + [0, 1]  # y points up on the map
    drawn = whole.low + corners * (whole.high - whole.low)
    rows = whole.rows_within(drawn.min(axis=0), drawn.max(axis=0))
    inside = rows[is_within(whole.places_of(rows), drawn)]
    return whole.scene_ids().take(pa.array(whole.places.order[inside]))


def is_within(xy: Floats, corners: Floats) -> npt.NDArray[np.bool_]:
    """(n,) whether points lie in a polygon, by the even-odd rule.

    Points are sorted by height, so that each edge is held against those beside it alone: time grows with the points
    times the edges at one height, not with all edges.

    Args:
        xy: (n,2) points.
        corners: (k,2) corners in their order, of a polygon that may cross itself.

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> is_within(np.array([[0.5, 0.5], [1.5, 0.5]]), square).tolist()
    [True, False]
    """
    order = np.argsort(xy[:, 1])
    x, y = xy[order].T
    inside = np.zeros(len(xy), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        low, high = np.searchsorted(y, [min(y0, y1), max(y0, y1)])
        if low < high:
            inside[low:high] ^= x[low:high] < x0 + (y[low:high] - y0) * ((x1 - x0) / (y1 - y0))
    found = np.empty(len(xy), dtype=bool)
    found[order] = inside
    return found
