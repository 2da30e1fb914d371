"""Held-out metrics of a curve's trainings to its points: sums per segment, training and held-out log.

Sums per log are kept, so that logs can be resampled; scenes of a segment are counted in each training. Time grows with
sets of attributes x held-out scenes x trainings, the table with segments x trainings x logs.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import BoolArray, FloatArray, IntArray, read_codes, read_column, read_numbers
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.diagnosis.subsets import CurvePlan
from oddloop.coverage.segments import Grouping, iterate_groupings, name_segments
from oddloop.derived_tables import CURVE_POINTS
from oddloop.errors import TableError


def collect_points(measured: pa.Table, plan: CurvePlan, scenes: pa.Table, encoded: Encoded, max_way: int) -> pa.Table:
    """Sum up what the trainings of a plan were measured at.

    Args:
        measured: rows of `tables.METRICS` of held-out scenes, with the columns `size` and `seed` of their training;
            rows without support, or with a value that is not finite, do not count.
        plan: the trainings.
        scenes: rows of `tables.SCENES`.
        encoded: their attributes.
        max_way: attributes in a segment, at most.

    Returns:
        `derived_tables.CURVE_POINTS` of the segments that have labelled and measured scenes.

    Raises:
        TableError: a column is missing, or a scene is not in `scenes`.

    >>> from oddloop.coverage import encode_attributes
    >>> from oddloop.coverage.diagnosis import plan_curves
    >>> scenes = pa.table({"scene_id": ["a", "b", "c"], "log_id": ["k", "l", "m"]})
    >>> plan = plan_curves(scenes.slice(0, 2), 2, 1, 0.5, np.random.default_rng(0))
    >>> measured = pa.table({"scene_id": ["c", "c"], "metric": ["recall"] * 2, "value": [0.5, 0.75], "support": [4, 4],
    ...     "size": [0, 1], "seed": [0, 0]})
    >>> points = collect_points(measured, plan, scenes, encode_attributes(scenes, {}), 0)
    >>> points.select(["segment_id", "size", "value_sum"]).to_pylist()[1]
    {'segment_id': 'all', 'size': 1, 'value_sum': 3.0}
    """
    logs, log = read_codes(scenes, "log_id", "scenes")
    taken = np.stack([plan.takes(k, r) for k in range(len(plan.shares)) for r in range(len(plan.places))], axis=1)
    labelled = _rows(scenes, plan.scene_ids)
    parts = [CURVE_POINTS.empty()]
    for metric in sorted(pc.unique(read_column(measured, "metric", "measured")).to_pylist()):
        mine = measured.filter(pc.equal(measured["metric"], metric))
        rows, sums, supports = _dense(mine, scenes, len(plan.places), taken.shape[1])
        every = np.concatenate([labelled, rows])
        for grouping in iterate_groupings(encoded.take(every), max_way):
            cells = _Cells.build(grouping, len(labelled), log[every], taken, sums, supports)
            parts.append(cells.table(name_segments(grouping)["segment_id"], metric, logs, len(plan.places)))
    return pa.concat_tables(parts).combine_chunks()


def _rows(scenes: pa.Table, wanted: pa.Array) -> IntArray:
    """(R,) row of each scene in `scenes`."""
    ids = read_column(scenes, "scene_id", "scenes").cast(pa.string())
    rows = pc.index_in(wanted.cast(pa.string()), value_set=ids)
    if rows.null_count:
        raise TableError(f"learning curves: {rows.null_count:,} rows are of scenes that `scenes` lacks; add them")
    found: IntArray = rows.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _dense(
    measured: pa.Table, scenes: pa.Table, n_seeds: int, n_trainings: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Rows of the measured scenes in `scenes`, and (M,P) value sums and supports of each in each training."""
    rows, place = np.unique(_rows(scenes, read_column(measured, "scene_id", "measured")), return_inverse=True)
    value, support = (read_numbers(measured, name, "measured") for name in ("value", "support"))
    size, seed = (read_numbers(measured, name, "measured").astype(np.int64) for name in ("size", "seed"))
    has_data = np.isfinite(value) & (support > 0)
    cells = (place * n_trainings + size * n_seeds + seed)[has_data]
    shape = len(rows), n_trainings
    totals = [np.bincount(cells, w[has_data], shape[0] * shape[1]) for w in (value * support, support)]
    sums, supports = (total.reshape(shape).astype(np.float64) for total in totals)
    return rows, sums, supports


class _Cells:
    """Sums of one grouping: (C,) segment and log of each cell, (C,P) sums, (S,P) labelled scenes."""

    def __init__(self, segment: IntArray, log: IntArray, sums: FloatArray, supports: FloatArray, n: IntArray) -> None:
        self.segment, self.log, self.sums, self.supports, self.n = segment, log, sums, supports, n

    @classmethod
    def build(
        cls,
        grouping: Grouping,
        n_labelled: int,
        log: IntArray,
        taken: BoolArray,
        sums: FloatArray,
        supports: FloatArray,
    ) -> _Cells:
        """The first `n_labelled` rows of the grouping are labelled scenes, the others measured ones."""
        row = grouping.spread(np.arange(len(log)))
        is_labelled = row < n_labelled
        segment = grouping.segments
        n = _sum_rows(segment[is_labelled], grouping.n_segments, taken[row[is_labelled]].astype(np.float64))
        row, segment = row[~is_labelled], segment[~is_labelled]
        n_logs = int(log.max(initial=0)) + 1
        cells, cell = np.unique(segment * n_logs + log[row], return_inverse=True)
        at = row - n_labelled
        top, bottom = (_sum_rows(cell, len(cells), values[at]) for values in (sums, supports))
        return cls(cells // n_logs, cells % n_logs, top, bottom, n.astype(np.int64))

    def table(self, names: pa.Array, metric: str, logs: pa.Array, n_seeds: int) -> pa.Table:
        """One row per cell and training that has support, of segments with a labelled scene."""
        use = (self.supports > 0) & (self.n[self.segment].max(axis=1) > 0)[:, None]
        cell, training = np.nonzero(use)
        columns = {
            "segment_id": names.take(pa.array(self.segment[cell])),
            "metric": pa.array([metric] * len(cell), pa.string()),
            "size": pa.array(training // n_seeds),
            "seed": pa.array(training % n_seeds),
            "n_scenes": pa.array(self.n[self.segment[cell], training]),
            "log_id": logs.take(pa.array(self.log[cell])),
            "support": pa.array(np.rint(self.supports[use]).astype(np.int64)),
            "value_sum": pa.array(self.sums[use]),
        }
        return pa.table([columns[c.name] for c in CURVE_POINTS.columns], schema=CURVE_POINTS.schema())


def _sum_rows(group: IntArray, n_groups: int, values: FloatArray) -> FloatArray:
    """(G,P) sum of the rows of each group."""
    total = np.zeros((n_groups, values.shape[1]))
    if len(group):
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        total[group[order][starts]] = np.add.reduceat(values[order], starts, axis=0)
    return total
