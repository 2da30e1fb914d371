"""Learning curves of the toy as if many models had been trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from oddloop.derived_tables import CURVE_POINTS
from oddloop.lake import Workspace
from oddloop.lake.derived import Recipe, derive
from oddloop.lake.storage import Storage
from oddloop.rounds.curves import POINTS_FILE, _curve_settings

SIZES, N_SEEDS, N_LOGS, SUPPORT = (4, 8, 16, 32, 64, 128), 3, 12, 10


def points(segment_id: str) -> pa.Table:
    """Accuracy of a model whose error is 0.05 + 0.6 n^-0.5, nearly alike in every log."""
    rng = np.random.default_rng(1)
    rows = [
        {
            "segment_id": segment_id,
            "metric": "accuracy",
            "size": k,
            "seed": seed,
            "n_scenes": n + seed,
            "log_id": f"log{log}",
            "support": SUPPORT,
            "value_sum": SUPPORT * (0.95 - 0.6 * (n + seed) ** -0.5 + rng.normal(0, 0.002)),
        }
        for k, n in enumerate(SIZES)
        for seed in range(N_SEEDS)
        for log in range(N_LOGS)
    ]
    return pa.Table.from_pylist(rows).select(CURVE_POINTS.schema().names).cast(CURVE_POINTS.schema())


def add_curves(folder: Path, segment_id: str) -> None:
    """Keep the points where `oddloop coverage curves` would have."""
    workspace = Workspace.open(folder)

    def write(out: Storage) -> dict[str, int]:
        out.write_table(POINTS_FILE, points(segment_id))
        return {"labelled": 8}

    derive(workspace.storage, Recipe("curves", {}, _curve_settings(workspace)), write)
