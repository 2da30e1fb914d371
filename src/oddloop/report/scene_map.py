"""The scenes of the cluster map, thinned where there are more than a page can draw."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.columns import as_text, coded, finite_list, take_by_id
from oddloop.report.model import MAX_MAP_SCENES, ReportInputs, SceneMap
from oddloop.tables import STRING

KEEP_PER_CLUSTER = 50
"""Scenes of each cluster that thinning spares, so that rare clusters stay on the map."""
DIGITS = 5
"""Significant digits of map coordinates: finer than a pixel."""


def build_scene_map(inputs: ReportInputs, limit: int = MAX_MAP_SCENES) -> SceneMap:
    """The map's scenes with cluster, status and attributes; at most `limit` of them."""
    table = inputs.scene_map.sort_by("scene_id")
    placed = table.filter(pc.and_(_is_finite(table["x"]), _is_finite(table["y"])))
    shown = placed.take(pa.array(_sample(placed, inputs, limit)))
    ids = shown["scene_id"].combine_chunks().cast(STRING)
    scenes = take_by_id(inputs.scenes, ids)
    return SceneMap(
        n_scenes=placed.num_rows,
        n_without_place=table.num_rows - placed.num_rows,
        scene_id=tuple(ids.to_pylist()),
        x=_coordinates(shown["x"]),
        y=_coordinates(shown["y"]),
        duration_s=finite_list(scenes["duration_s"], 1),
        log=coded(scenes["log_id"]),
        cluster=coded(shown["cluster_id"]),
        status=coded(_status(scenes, ids, inputs), ("unlabelled", "labelled", "eval")),
        attributes={
            name: coded(as_text(scenes[name]), values)
            for name, values in inputs.attributes.items()
            if name in scenes.column_names
        },
    )


def _is_finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(pc.is_finite(column), False)


def _sample(placed: pa.Table, inputs: ReportInputs, limit: int) -> np.ndarray:
    """Rows to show, ascending: all picks and medoids, `KEEP_PER_CLUSTER` of each cluster, then the rest at random."""
    n = placed.num_rows
    if n <= limit:
        return np.arange(n)
    order = np.random.default_rng(inputs.seed).permutation(n)
    cluster = np.array(coded(placed["cluster_id"]).codes)[order]
    grouped = np.argsort(cluster, kind="stable")
    starts = np.searchsorted(cluster[grouped], cluster[grouped])
    place_in_cluster = np.empty(n, int)
    place_in_cluster[grouped] = np.arange(n) - starts
    spared = (place_in_cluster < KEEP_PER_CLUSTER) & (cluster >= 0)
    must = pc.is_in(placed["scene_id"], value_set=_must_show(inputs)).to_numpy()[order]
    return np.sort(order[np.lexsort((~spared, ~must))][:limit])


def _must_show(inputs: ReportInputs) -> pa.Array:
    medoids = pc.list_flatten(inputs.clusters["medoids"])
    return pa.chunked_array([*inputs.picks["scene_id"].chunks, *medoids.chunks], STRING).combine_chunks()


def _coordinates(column: pa.ChunkedArray) -> tuple[float, ...]:
    values = column.to_numpy().astype(float)
    largest = np.abs(values).max(initial=0.0)
    decimals = DIGITS - int(np.ceil(np.log10(largest))) if largest > 0 else 0
    return tuple(np.round(values, max(decimals, 0)).tolist())


def _status(scenes: pa.Table, ids: pa.Array, inputs: ReportInputs) -> pa.Array:
    labelled = pc.is_in(ids, value_set=_labelled(inputs))
    status = pc.if_else(labelled, "labelled", "unlabelled")
    if "split" not in scenes.column_names:
        return status
    return pc.if_else(pc.fill_null(pc.equal(scenes["split"], "eval"), False).combine_chunks(), "eval", status)


def _labelled(inputs: ReportInputs) -> pa.Array:
    ids = inputs.labelled_ids
    return (ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids).cast(STRING)
