"""Detection metrics of scenes, from the errors of their frames.

Per class (in lower case): `precision_<class>` = TP / (TP + FP), support TP + FP; `recall_<class>` = TP / (TP + FN),
support TP + FN; `fp_fn_per_frame_<class>` = (FP + FN) / frames, support frames; and `fp_fn_per_frame` over all classes.
Precision and recall lie in [0, 1]. A metric without support has no row: nothing was measured. Since value x support is
a count, the metrics of many scenes add up to those of any segment.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.tables import METRICS


def scene_metrics(errors: pa.Table, *, model_id: str) -> pa.Table:
    """Measure precision, recall and errors per frame of each scene.

    Args:
        errors: the output of `frame_errors`.
        model_id: the model that made the detections.

    Returns:
        `metrics` rows of stack `perception`, metric by metric; no rows for no frames.

    >>> row = {"frame_id": "f", "scene_id": "s", "class": "Car", "n_tp": 3, "n_fp": 1, "n_fn": 0}
    >>> found = scene_metrics(pa.Table.from_pylist([row]), model_id="m")
    >>> dict(zip(found["metric"].to_pylist(), found["value"].to_pylist()))
    {'precision_car': 0.75, 'recall_car': 1.0, 'fp_fn_per_frame_car': 1.0, 'fp_fn_per_frame': 1.0}
    """
    sums = [("n_tp", "sum"), ("n_fp", "sum"), ("n_fn", "sum"), ("frame_id", "count_distinct")]
    by_class = errors.group_by(["scene_id", "class"], use_threads=False).aggregate(sums)
    by_scene = errors.group_by(["scene_id"], use_threads=False).aggregate(sums)
    tp, fp, fn, frames = _counts(by_class)
    of_class = pc.utf8_lower(by_class["class"])
    parts = [
        _rows(by_class, _named("precision_", of_class), tp, pc.add(tp, fp)),
        _rows(by_class, _named("recall_", of_class), tp, pc.add(tp, fn)),
        _rows(by_class, _named("fp_fn_per_frame_", of_class), pc.add(fp, fn), frames),
    ]
    _, fp, fn, frames = _counts(by_scene)
    parts.append(_rows(by_scene, pa.repeat("fp_fn_per_frame", by_scene.num_rows), pc.add(fp, fn), frames))
    found = pa.concat_tables(parts)
    n = found.num_rows
    return (
        found.append_column("model_id", pa.repeat(model_id, n))
        .append_column("stack", pa.repeat("perception", n))
        .select([c.name for c in METRICS.columns])
    )


def _counts(sums: pa.Table) -> tuple[pa.ChunkedArray, ...]:
    names = ("n_tp_sum", "n_fp_sum", "n_fn_sum", "frame_id_count_distinct")
    return tuple(sums[name].cast(pa.int64()) for name in names)


def _named(prefix: str, of_class: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(pa.scalar(prefix), of_class, "")


def _rows(sums: pa.Table, metric: pa.ChunkedArray, count: pa.ChunkedArray, support: pa.ChunkedArray) -> pa.Table:
    kept = pc.greater(support, 0)
    rows = pa.table({"scene_id": sums["scene_id"], "metric": metric, "count": count, "support": support}).filter(kept)
    value = pc.divide(rows["count"].cast(pa.float64()), rows["support"].cast(pa.float64()))
    return rows.drop_columns(["count"]).append_column("value", value)
