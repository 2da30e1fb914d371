"""True futures, the labels of this fleet: read only of scenes that somebody has paid for, or that are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from oddloop.demo.design import Design
from oddloop.demo.forecaster import N_STEPS
from oddloop.demo.history import Floats, Ints, index_tracks


def true_futures(folder: Path, design: Design, scene_ids: npt.NDArray[np.str_]) -> tuple[Ints, Floats]:
    """Read the true futures of the forecasts that lie in `scene_ids`, and of no other scene.

    Returns:
        (R,) indices into the rows of `design` whose whole future lies inside its scene, ascending, and (R,6,2) their
        true positions 0.5 s to 3 s later, map frame, in metres. Unknown scenes are ignored; none gives empty arrays.
    """
    wanted = pa.array(np.intersect1d(scene_ids, design.scene_ids), pa.string())
    columns = ["scene_id", "frame", "agent_id", "x_m", "y_m"]
    truth = ds.dataset(folder / "tracks" / "truth.parquet")
    table = truth.to_table(columns=columns, filter=pc.field("scene_id").isin(wanted))
    if table.num_rows == 0:
        return np.zeros(0, dtype=np.int64), np.zeros((0, N_STEPS, 2))
    scene = pc.index_in(table["scene_id"], pa.array(design.scene_ids)).to_numpy().astype(np.int64)
    agent = pc.index_in(table["agent_id"], pa.array(design.agent_names)).to_numpy(zero_copy_only=False)
    known = np.isfinite(agent)  # an agent that was never forecast has no name in the design
    track = scene[known] * len(design.agent_names) + agent[known].astype(np.int64)
    xy_m = np.column_stack([table["x_m"].to_numpy(), table["y_m"].to_numpy()])[known].astype(np.float64)
    names, number = np.unique(track, return_inverse=True)
    frame = table["frame"].to_numpy()[known].astype(np.int64)
    heading, category, lamps = np.zeros(len(frame)), np.zeros(len(frame), np.int64), np.zeros((len(frame), 0), bool)
    tracks = index_tracks(scene[known], frame, number, xy_m, heading, category, lamps)
    own = design.scene * len(design.agent_names) + design.agent
    rows = np.flatnonzero(np.isin(own, names))
    later = design.frame[rows, None] + np.arange(1, N_STEPS + 1)
    found = tracks.rows_at(np.searchsorted(names, own[rows])[:, None], later)
    whole = (found >= 0).all(axis=1)
    return rows[whole], xy_m[found[whole]]
