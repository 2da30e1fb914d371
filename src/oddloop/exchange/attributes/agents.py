"""What is around the ego vehicle in each scene, from boxes: which kinds, and how many. Time grows with the boxes."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
DENSITIES = ("none", "low", "medium", "high")
DENSITY_EDGES = (0.5, 5.0, 10.0)
NEAR_M = 30.0


def density_rule(within: str) -> str:
    """How `traffic_density` came about.

    >>> density_rule("in the image")
    'mean number of agents per frame in the image: none below 0.5, low below 5, medium below 10, else high'
    """
    low, medium, high = DENSITY_EDGES
    return (
        f"mean number of agents per frame {within}: none below {low:g}, low below {medium:g}, medium below {high:g}, "
        "else high"
    )


def mean_agents(scene: IntArray, is_agent: BoolArray, n_frames: IntArray) -> FloatArray:
    """Mean number of agents per frame of each scene, (S,).

    Args:
        scene: (N,) the scene of each box, 0 .. S - 1.
        is_agent: (N,) whether it counts.
        n_frames: (S,) frames of each scene, at least 1.

    >>> mean_agents(np.array([0, 0, 1]), np.array([True, True, False]), np.array([4, 1])).tolist()
    [0.5, 0.0]
    """
    return np.bincount(scene[is_agent], minlength=len(n_frames)) / n_frames


def traffic_density(agents_per_frame: FloatArray) -> pa.Array:
    """`none`, `low`, `medium` or `high`, by the mean number of agents per frame; null where that is NaN.

    >>> traffic_density(np.array([0.0, 7.0, np.nan])).to_pylist()
    ['none', 'medium', None]
    """
    names = np.array(DENSITIES, object)[np.digitize(agents_per_frame, DENSITY_EDGES).clip(0, len(DENSITY_EDGES))]
    return pa.array(names, pa.string(), mask=np.isnan(agents_per_frame))


def is_agent(category: pa.ChunkedArray | pa.Array, agents: Collection[str]) -> BoolArray:
    """Which boxes are of road users, and not of signs, cones or unknown things.

    >>> is_agent(pa.array(["CAR", "BOLLARD"]), {"CAR"}).tolist()
    [True, False]
    """
    found = pc.is_in(category, value_set=pa.array(sorted(agents), pa.string()))
    return np.asarray(found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(), bool)


def categories_present(scene: IntArray, category: pa.ChunkedArray | pa.Array, n_scenes: int) -> pa.ListArray:
    """The categories that occur in each scene, sorted; an empty list where nothing was found.

    >>> categories_present(np.array([1, 1, 1]), pa.array(["CAR", "BUS", "CAR"]), 2).to_pylist()
    [[], ['BUS', 'CAR']]
    """
    pairs = pa.table({"scene": scene, "category": category}).group_by(["scene", "category"], use_threads=False)
    found = pairs.aggregate([]).sort_by([("scene", "ascending"), ("category", "ascending")])
    offsets = np.searchsorted(found["scene"].to_numpy(), np.arange(n_scenes + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), found["category"].combine_chunks().cast(pa.string()))
