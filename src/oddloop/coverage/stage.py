"""The whole stage in one call: scenes, labels and metrics to segments, their metrics, and what was not understood.

Time and memory: see `segments`, `exposure` and `performance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from oddloop.config import AttributeConfig, CoverageConfig
from oddloop.coverage.attributes import encode_attributes
from oddloop.coverage.exposure import compute_exposure
from oddloop.coverage.objects import add_object_counts
from oddloop.coverage.odd import judge_segments
from oddloop.coverage.performance import summarize_performance
from oddloop.coverage.scene_values import list_scene_values
from oddloop.coverage.summary import summarize_coverage
from oddloop.coverage.volume import volume_gaps
from oddloop.derived_tables import SEGMENT_HINTS

_NO_INTERVAL = 1 << 40
"""Logs that no segment has: intervals of what flatters would mislead."""


@dataclass(frozen=True, eq=False)
class CoverageResult:
    """What the stage makes.

    Attributes:
        segments: `derived_tables.SEGMENTS`.
        segment_metrics: `derived_tables.SEGMENT_METRICS`.
        scene_values: scene_id, labelled, and the value of every attribute.
        unmapped: spellings that became `unknown`: attribute, column, spelling, n_scenes.
        volume_gaps: `derived_tables.VOLUME_GAPS`.
        coverage_measures: `derived_tables.COVERAGE_MEASURES`.
        segment_hints: `derived_tables.SEGMENT_HINTS`: the metrics on scenes that the model was trained on.
    """

    segments: pa.Table
    segment_metrics: pa.Table
    scene_values: pa.Table
    unmapped: pa.Table
    volume_gaps: pa.Table
    coverage_measures: pa.Table
    segment_hints: pa.Table


def compute(
    scenes: pa.Table,
    labelled_scene_ids: pa.Array,
    metrics: pa.Table,
    attributes: Mapping[str, AttributeConfig],
    config: CoverageConfig,
    rng: np.random.Generator,
    objects: pa.Table | None = None,
    trained: pa.Table | None = None,
) -> CoverageResult:
    """Count and measure all segments of up to `config.max_way` attributes.

    Args:
        scenes: rows of `tables.SCENES`, with the attributes' columns.
        labelled_scene_ids: ids of the scenes that have labels; other ids count nowhere.
        metrics: rows of `tables.METRICS`; may have none.
        attributes: the taxonomy.
        config: how many attributes in a segment, and which interval.
        rng: draws the bootstrap's resamples.
        objects: objects per scene and class, as `count_objects` gives them; None: only what `scenes` says.
        trained: rows of `tables.METRICS` of scenes that the one model was trained on, kept apart since they flatter it.

    Raises:
        TableError: a column is missing or of the wrong type, or a metric is of a scene that is not in `scenes`.
        ConfigError: Wilson's interval is asked for a metric outside [0, 1].

    >>> from oddloop.tables import METRICS
    >>> scenes = pa.table({"scene_id": ["a"], "log_id": ["l"], "duration_s": [8.0], "sky": ["clear"]})
    >>> result = compute(scenes, pa.array(["a"]), METRICS.empty(), {"sky": AttributeConfig()}, CoverageConfig(),
    ...     np.random.default_rng(0))
    >>> result.segments["segment_id"].unique().to_pylist()
    ['all', 'sky=clear']
    """
    encoded = encode_attributes(scenes, attributes)
    counted = scenes if objects is None else add_object_counts(scenes, objects)
    segments = compute_exposure(counted, labelled_scene_ids, encoded, config.max_way, config.min_scenes)
    result = CoverageResult(
        segments=_with_odd(segments, attributes),
        segment_metrics=summarize_performance(scenes, metrics, encoded, config, rng),
        scene_values=list_scene_values(scenes["scene_id"].combine_chunks(), labelled_scene_ids, encoded),
        unmapped=encoded.unmapped,
        volume_gaps=volume_gaps(segments, encoded, attributes, config.volume),
        coverage_measures=summarize_coverage(scenes, labelled_scene_ids, encoded, attributes),
        segment_hints=SEGMENT_HINTS.empty(),
    )
    if trained is None or not trained.num_rows:
        return result
    values = summarize_performance(scenes, trained, encoded, replace(config, min_logs=_NO_INTERVAL), rng)
    return replace(result, segment_hints=_training_hints(values))


def _with_odd(segments: pa.Table, attributes: Mapping[str, AttributeConfig]) -> pa.Table:
    at = segments.column_names.index("odd")
    return segments.set_column(at, segments.schema.field(at), judge_segments(segments, attributes))


def _training_hints(values: pa.Table) -> pa.Table:
    hints = {"segment_id": values["segment_id"], "metric": values["metric"], "train_value": values["value"]}
    names = SEGMENT_HINTS.schema().names
    columns = [hints.get(name, pa.nulls(values.num_rows)) for name in names]
    return pa.table(columns, names=names).cast(SEGMENT_HINTS.schema())
