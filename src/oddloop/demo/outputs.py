"""What a training leaves behind, as the tables that oddloop reads: predictions, features and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.demo.design import Design
from oddloop.demo.forecast_metrics import displacement_errors, scene_means
from oddloop.demo.forecaster import Forecast, out_of_frame
from oddloop.demo.logs import frame_ids

ENCODER_ID = "demo_hidden"
ROWS_PER_GROUP = 20_000

Ints = npt.NDArray[np.int64]


def prediction_table(design: Design, forecast: Forecast) -> pa.Table:
    """Table `predictions/trajectory`: a row per forecast, positions in the map frame, one sure mode per member."""
    n_members, n_rows, n_steps, _ = forecast.xy_m.shape
    xy_m = out_of_frame(forecast.xy_m, design.pose).astype(np.float32).transpose(1, 0, 2, 3)
    points = pa.FixedSizeListArray.from_arrays(pa.array(xy_m.reshape(-1)), 2)
    modes = _nested(_nested(_nested(points, n_steps), 1), n_members)
    probs = _nested(_nested(pa.array(np.ones(n_rows * n_members, dtype=np.float32)), 1), n_members)
    scene_ids = design.scene_ids[design.scene]
    return pa.table(
        {
            "frame_id": frame_ids(scene_ids, design.frame),
            "scene_id": pa.array(scene_ids, pa.string()),
            "agent_id": pa.array(design.agent_names[design.agent], pa.string()),
            "mode_probs": probs,
            "modes": modes,
        }
    )


def _nested(values: pa.Array, size: int) -> pa.ListArray:
    """Lists of `size` consecutive values."""
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(values) + 1, size, dtype=np.int32)), values)


def feature_table(design: Design, forecast: Forecast) -> pa.Table:
    """Table `features/demo_hidden`: a row per frame with forecasts, the mean hidden activation of its road users."""
    key = design.scene * (int(design.frame.max(initial=0)) + 1) + design.frame
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    sizes = np.diff(np.append(starts, len(key)))
    total = np.add.reduceat(forecast.hidden, starts) if len(starts) else forecast.hidden
    vectors = (total / sizes[:, None]).astype(np.float32)
    scene_ids = design.scene_ids[design.scene[starts]]
    return pa.table(
        {
            "frame_id": frame_ids(scene_ids, design.frame[starts]),
            "scene_id": pa.array(scene_ids, pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), forecast.hidden.shape[1]),
        }
    )


def metric_table(design: Design, xy_m: npt.NDArray[np.float32], rows: Ints, future_m: npt.NDArray[np.float64],
                 model_id: str) -> pa.Table:  # fmt: skip
    """Table `metrics` of the scenes in which `rows` of the design lie.

    `xy_m` holds the members' forecasts of those rows, (M,len(rows),6,2) in the rows' own frames, `future_m` their true
    futures, (len(rows),6,2) in the map frame, both in metres. The ensemble's mean trajectory is measured. Scenes
    without a whole future have no row.
    """
    mean_m = out_of_frame(xy_m.mean(axis=0), design.pose[rows])
    parts = []
    for name, values in displacement_errors(mean_m, future_m).items():
        means, support = scene_means(values, design.scene[rows], len(design.scene_ids))
        known = np.flatnonzero(support)
        parts.append(
            pa.table(
                {
                    "scene_id": pa.array(design.scene_ids[known], pa.string()),
                    "model_id": pa.array([model_id] * len(known), pa.string()),
                    "stack": pa.array(["prediction"] * len(known), pa.string()),
                    "metric": pa.array([name] * len(known), pa.string()),
                    "value": pa.array(means[known]),
                    "support": pa.array(support[known].astype(np.int64)),
                }
            )
        )
    return pa.concat_tables(parts)


def output_tables(design: Design, forecast: Forecast) -> dict[str, pa.Table]:
    """What a model says about all rows of the design, by the folder of each table."""
    return {
        "predictions/trajectory": prediction_table(design, forecast),
        f"features/{ENCODER_ID}": feature_table(design, forecast),
    }


def write_outputs(folder: Path, tables: Mapping[str, pa.Table]) -> None:
    """Write tables below `folder`, in the order given."""
    for name, table in tables.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        repeated = [column for column in ("scene_id", "agent_id") if column in table.column_names]
        path = folder / name / "part-0.parquet"
        pq.write_table(table, path, compression="lz4", row_group_size=ROWS_PER_GROUP, use_dictionary=repeated)
