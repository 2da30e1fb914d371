"""A planted fleet as the tables that the diagnosis takes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.config import DiagnosisConfig, MetricConfig
from oddloop.coverage import bootstrap_interval, draw_weights
from oddloop.coverage.diagnosis import Clues, Diagnosis, diagnose
from oddloop.derived_tables import CURVE_POINTS, SEGMENT_HINTS, SEGMENT_METRICS, SEGMENTS
from planted_gaps import PlantedFleet

MIN_LOGS = 5


def diagnose_fleet(fleet: PlantedFleet, rules: DiagnosisConfig, rng: np.random.Generator) -> Diagnosis:
    """The diagnosis of a fleet: accuracy where its labels are classes, mean absolute error where they are lengths."""
    name, better = ("abs_error_m", "lower") if fleet.is_length else ("accuracy", "higher")
    level = fleet.targets if fleet.is_length else 1 - fleet.targets
    ids = pa.array([f"s{i}" for i in range(len(level))])
    clues = Clues(
        curve_points=_curve_points(fleet, ids, name),
        hints=_hints(fleet, ids, name),
        targets=pa.table({"segment_id": ids, "metric": [name] * len(ids), "target": level}),
    )
    metrics = {name: MetricConfig(better)}
    return diagnose(_segments(fleet, ids), _segment_metrics(fleet, ids, name, rng), metrics, clues, rules, rng)


def _segments(fleet: PlantedFleet, ids: pa.Array) -> pa.Table:
    n = len(ids)
    rows = [
        {
            "segment_id": ids[i].as_py(),
            "n_way": 1,
            "attributes": ["segment"],
            "values": [ids[i].as_py()],
            "status": status,
            "n_scenes": int(fleet.n_labelled[i]) if status == "labelled" else 100,
            "n_logs": 20,
            "n_frames": 0,
            "duration_s": 0.0,
            "distance_m": 0.0,
        }
        for i in range(n)
        for status in ("labelled", "unlabelled")
    ]
    return pa.Table.from_pylist(rows, schema=SEGMENTS.schema())


def _values(fleet: PlantedFleet, errors: np.ndarray, supports: np.ndarray) -> np.ndarray:
    """Sums of errors as sums of metric values."""
    return errors if fleet.is_length else supports - errors


def _segment_metrics(fleet: PlantedFleet, ids: pa.Array, name: str, rng: np.random.Generator) -> pa.Table:
    """What the model of all labelled scenes, with the first seed, was measured at."""
    supports = fleet.supports
    sums = _values(fleet, fleet.value_sums[:, -1, 0], supports)
    n_logs = (supports > 0).sum(axis=1)
    low, high = bootstrap_interval(sums, supports, draw_weights(supports.shape[1], 1000, rng), 0.95)
    valid = n_logs >= MIN_LOGS
    columns = {
        "segment_id": ids,
        "model_id": ["m"] * len(ids),
        "stack": ["perception"] * len(ids),
        "metric": [name] * len(ids),
        "n_scenes": n_logs,
        "n_logs": n_logs,
        "support": supports.sum(axis=1).astype(np.int64),
        "value_sum": sums.sum(axis=1),
        "value": sums.sum(axis=1) / supports.sum(axis=1),
        "ci_low": pa.array(low, mask=~valid),
        "ci_high": pa.array(high, mask=~valid),
        "interval": np.where(valid, "bootstrap_by_log", "none").tolist(),
        "valid": valid,
    }
    schema = SEGMENT_METRICS.schema()
    columns |= {name: pa.nulls(len(ids)) for name in schema.names if name not in columns}
    return pa.table(columns, schema=schema)


def _curve_points(fleet: PlantedFleet, ids: pa.Array, name: str) -> pa.Table:
    shape = fleet.value_sums.shape
    supports = np.broadcast_to(fleet.supports[:, None, None, :], shape)
    segment, size, seed, log = np.nonzero(supports > 0)
    at = segment, size, seed, log
    columns = {
        "segment_id": ids.take(pa.array(segment)),
        "metric": [name] * len(log),
        "size": size,
        "seed": seed,
        "n_scenes": fleet.n[segment, size, seed],
        "log_id": [f"l{k}" for k in log],
        "support": supports[at].astype(np.int64),
        "value_sum": _values(fleet, fleet.value_sums, supports)[at],
    }
    return pa.table(columns, schema=CURVE_POINTS.schema())


def _hints(fleet: PlantedFleet, ids: pa.Array, name: str) -> pa.Table:
    nothing = pa.nulls(len(ids), pa.float64())
    columns = {
        "segment_id": ids,
        "metric": [name] * len(ids),
        "train_value": nothing,
        "distance_ratio": nothing,
        "epistemic_share": nothing,
        "disagreement": fleet.disagreement,
        "n_relabelled": fleet.relabelled,
    }
    return pa.table(columns, schema=SEGMENT_HINTS.schema())
