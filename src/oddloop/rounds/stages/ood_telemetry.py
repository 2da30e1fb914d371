"""Out-of-distribution scores of numeric columns of `scenes`: `ood_telemetry_<method>`, one number per scene.

The statistics are fitted to the scenes that the model was trained on and kept below `derived/ood/<digest>/`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.errors import TableError
from oddloop.lake.derived import derive
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.rounds.stages.context import Context, make_generator
from oddloop.rounds.stages.ood import Fitted, write_statistics
from oddloop.score import ood


def fit_telemetry(context: Context) -> Fitted | None:
    """Statistics of the scenes' numeric columns; None where none are wanted.

    Raises:
        TableError: a column is missing or not numeric, or the scenes that the model was trained on have no values.
    """
    methods = context.workspace.config.score.ood.telemetry
    if not methods:
        return None
    ids, scenes = context.trained_ids(), context.digests("scenes")
    settings = {"model_id": context.model.model_id, "telemetry": list(methods), "columns": columns_of(context)}
    recipe = context.recipe(
        "ood",
        {**scenes, "trained_on": digest_of(ids.to_pylist())},
        settings,
        seed=context.workspace.config.workspace.seed,
    )
    derived = derive(context.workspace.storage, recipe, lambda out: _write(context, ids, out))
    return Fitted(table_files(derived.storage, "ood"), {**scenes, "ood_telemetry": derived.digest}, {})


def columns_of(context: Context) -> list[str]:
    """Columns that the setting names, or all that have a finite number in every scene.

    Raises:
        TableError: there is no such column.
    """
    scenes = context.scenes()
    named = list(context.workspace.config.score.ood.telemetry_columns)
    if named:
        return named
    numeric = ood.telemetry_columns(scenes)
    is_known = np.isfinite(ood.telemetry_matrix(scenes, numeric))
    found = [name for i, name in enumerate(numeric) if is_known[:, i].all()]
    if not found:
        raise TableError(
            f"scenes: no numeric column has a value in every scene; name columns in [score.ood] telemetry_columns; "
            f"there are: {', '.join(numeric) or 'none'}"
        )
    return found


def score_telemetry(context: Context, fitted: Fitted) -> pa.Table:
    """`derived_tables.SCENE_SCORES` of all scenes; no frame was scored, so its counts are 0."""
    model_id, columns = context.model.model_id, columns_of(context)
    found = ood.score_ood_telemetry(context.scenes(), fitted.read(), model_id=model_id, columns=columns)
    none = pa.array(np.zeros(found.num_rows, np.int64))
    scores = {
        name.replace("ood_", "ood_telemetry_", 1): found[name] for name in found.column_names if name.startswith("ood_")
    }
    return pa.table({"scene_id": found["scene_id"], "n_frames_scored": none, "n_objects_sum": none, **scores})


def _write(context: Context, ids: pa.Array, out: Storage) -> dict[str, int]:
    scenes, columns = context.scenes(), columns_of(context)
    config = context.workspace.config
    source = ood.telemetry_source(context.model.model_id, columns)
    matrix = ood.telemetry_matrix(scenes, columns)
    training = ood.training_set(matrix, scenes["scene_id"], ids, source)
    rng = make_generator(config.workspace.seed, "ood_telemetry")
    return write_statistics([ood.fit_method(name, training, rng) for name in config.score.ood.telemetry], out)
