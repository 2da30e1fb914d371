"""What is known of the current model's scores: what single scenes that come in are held against."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop import score
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import newest_folders
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace

SCENE_SCORES_FILE = "scene_scores.parquet"


def newest_scores(workspace: Workspace, model_id: str) -> Storage | None:
    """The folder of the model's scores that was made last; None where it has none."""
    for derived in newest_folders(workspace.storage, "score"):
        if derived.manifest["settings"]["model_id"] == model_id:
            return derived.storage
    return None


def quantile_of(folder: Storage, name: str, quantile: float) -> float:
    """A quantile of a scene score over the scenes where it is valid, by linear interpolation.

    Raises:
        WorkspaceError: there is no such score, or no scene has it.
    """
    with folder.fs.open_input_file(folder.path(SCENE_SCORES_FILE)) as file:
        known = score.score_columns(pq.read_schema(file).empty_table())
    if name not in known:
        raise WorkspaceError(f"[intake] score: the model has no scene score {name!r}; it has: {', '.join(known)}")
    table = folder.read_table(SCENE_SCORES_FILE, [name, f"{name}_valid"])
    values = table[name].filter(pc.fill_null(table[f"{name}_valid"], False)).to_numpy()
    values = values[np.isfinite(values)]
    if not len(values):
        raise WorkspaceError(f"[intake] quantile: no scene has a valid {name}; set `at_least` instead")
    return float(np.quantile(values, quantile))
