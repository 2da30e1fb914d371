"""What a scene is to coverage: held out, labelled, or neither. Time and memory grow with the scenes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import IntArray, read_column

STATUSES = ("labelled", "unlabelled", "eval")
"""What a scene is: `eval` where its split says so, else `labelled` where it has labels, else `unlabelled`."""


def status_of_scenes(scenes: pa.Table, labelled_scene_ids: pa.Array) -> IntArray:
    """(N,) place in `STATUSES` of each scene."""
    ids = read_column(scenes, "scene_id", "scenes")
    is_labelled = pc.is_in(ids, value_set=labelled_scene_ids.cast(ids.type)).to_numpy(zero_copy_only=False)
    status = np.where(is_labelled, STATUSES.index("labelled"), STATUSES.index("unlabelled"))
    if "split" in scenes.column_names:
        split = read_column(scenes, "split", "scenes").cast(pa.string())
        is_eval = pc.fill_null(pc.equal(split, "eval"), False)
        status[is_eval.to_numpy(zero_copy_only=False)] = STATUSES.index("eval")
    return status
