"""What a model is measured by: the metrics that it brings, and forecast errors where `futures` say what happened.

Forecast errors (`score.trajectory_truth`) are kept below `derived/forecasts/<digest>/`: `errors/` per forecast and
`metrics.parquet` per scene. A metric that the model brings itself is not computed. The futures of a batch of forecasts
are read when it is scored (`lookup`). Memory grows with the batch, and with four numbers per forecast for the means.
"""

from __future__ import annotations

import functools

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.engine.partitions import PartitionJob
from oddloop.lake.derived import Derived
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.stages.context import Context
from oddloop.rounds.stages.kept_parts import MadeBy, map_kept
from oddloop.rounds.stages.lookup import read_of_frames
from oddloop.rounds.stages.scene_scores import read_scores
from oddloop.score.trajectory_metrics import METRIC_NAMES, ForecastErrors
from oddloop.score.trajectory_truth import measure_forecasts, summarize_forecast_errors
from oddloop.tables import FUTURES, METRICS, TRAJECTORY

_FORECASTS = "trajectory"


def metrics_inputs(context: Context) -> dict[str, str]:
    """Digests of what the model's metrics are made of; forecasts are measured first, where that is stale."""
    files = context.model.metrics
    found = {"metrics": fingerprint([files], context.workspace.storage)[files.name]}
    forecasts = run_forecasts(context)
    return found | ({"forecasts": forecasts.digest} if forecasts is not None else {})


def model_metrics(context: Context) -> pa.Table:
    """The model's own rows of its metrics files, and those of its forecasts by metrics that these do not have."""
    metrics = read_table(context.model.metrics, METRICS)
    metrics = metrics.filter(pc.equal(metrics["model_id"], context.model.model_id))
    forecasts = run_forecasts(context)
    if forecasts is None:
        return metrics
    computed = forecasts.storage.read_table("metrics.parquet")
    brought = metrics["metric"].combine_chunks().unique()
    computed = computed.filter(pc.invert(pc.is_in(computed["metric"], value_set=brought.cast(pa.string()))))
    return pa.concat_tables([metrics.select(computed.column_names), computed])


def run_forecasts(context: Context) -> Derived | None:
    """Errors of the model's forecasts; None where it has none, or nobody knows what happened."""
    forecasts, futures = context.model.predictions.get(_FORECASTS), context.workspace.table(FUTURES.name)
    if not forecasts or not futures:
        return None
    found = fingerprint([forecasts, futures], context.workspace.storage)
    inputs = {"forecasts": found[forecasts.name], "futures": found[futures.name]}
    recipe = context.recipe("forecasts", inputs, {"model_id": context.model.model_id})
    return context.derive(recipe, lambda out: _write(context, forecasts, futures, out))


def _write(context: Context, forecasts: TableFiles, futures: TableFiles, out: Storage) -> dict[str, int]:
    kernel = functools.partial(_errors, futures=futures)
    job = PartitionJob(kernel, TRAJECTORY, out.sub("errors"), context.workspace.config.engine.batch_rows)
    n_rows = map_kept(context, "measure forecasts", job, forecasts, MadeBy("forecasts", {}, (futures,)))
    errors = read_scores(out.sub("errors")) if n_rows else kernel(TRAJECTORY.empty())
    values = ForecastErrors(*(pc.fill_null(errors[name], float("nan")).to_numpy() for name in METRIC_NAMES))
    scene_ids = errors["scene_id"].combine_chunks()
    metrics = summarize_forecast_errors(scene_ids, values, context.model.model_id)
    out.write_table("metrics.parquet", metrics)
    return {"forecasts": n_rows, "metrics": metrics.num_rows}


def _errors(batch: pa.Table, futures: TableFiles) -> pa.Table:
    """scene_id, frame_id, agent_id and the errors of each forecast; null where not valid."""
    truth = read_of_frames(futures, FUTURES, batch["frame_id"].combine_chunks(), ["frame_id", "agent_id", "xy"])
    places = pc.index_in(_keys(batch), value_set=_keys(truth).combine_chunks())
    happened = truth["xy"].combine_chunks().take(places.combine_chunks())
    errors = measure_forecasts(batch.append_column("truth", happened))
    ids = {name: batch[name].cast(pa.string()) for name in ("scene_id", "frame_id", "agent_id")}
    return pa.table({**ids, **{name: pa.array(values, from_pandas=True) for name, values in errors._asdict().items()}})


def _keys(table: pa.Table) -> pa.ChunkedArray:
    ids = (table[name].cast(pa.string()) for name in ("frame_id", "agent_id"))
    return pc.binary_join_element_wise(*ids, "\0")
