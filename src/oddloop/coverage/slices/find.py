"""The slice search on arrays, and on the metrics of a workspace. Time and memory: see `search`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.config import MetricConfig, SlicesConfig
from oddloop.coverage.arrays import FloatArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.performance.metrics import read_metrics
from oddloop.coverage.slices.listing import FOUND, list_slices
from oddloop.coverage.slices.metrics import count_errors
from oddloop.coverage.slices.noise import estimate_likeness
from oddloop.coverage.slices.search import search
from oddloop.derived_tables import SLICES


def find_slices(
    encoded: Encoded,
    logs: npt.ArrayLike,
    errors: npt.ArrayLike,
    trials: npt.ArrayLike | None = None,
    settings: SlicesConfig | None = None,
    rng: np.random.Generator | None = None,
) -> pa.Table:
    """Find the segments in which more is wrong than elsewhere.

    Args:
        encoded: the attributes of N scenes.
        logs: (N,) log of each scene, numbers or texts.
        errors: (N,) how many things are wrong in each scene, in [0, trials]; NaN: not known.
        trials: (N,) how many there are; a scene with none, or NaN, is left out. None: one per scene.
        settings: what is tested, and how strictly; None: the defaults.
        rng: draws the two halves of the logs; None: seed 0.

    Returns:
        the columns of `derived_tables.SLICES` without model_id and metric, strongest first; no row where nothing stands
        out.

    Raises:
        ValueError: arrays of different lengths, errors below 0 or above the trials, or anything infinite.

    >>> from oddloop.config import AttributeConfig
    >>> from oddloop.coverage.attributes import encode_attributes
    >>> light = ["night", "day", "day", "day"] * 50
    >>> encoded = encode_attributes(pa.table({"light": light}), {"light": AttributeConfig()})
    >>> wrong = [float(x == "night" and i % 3 > 0) for i, x in enumerate(light)]
    >>> find_slices(encoded, np.arange(200) // 4, wrong)["segment_id"].to_pylist()
    ['light=night']
    """
    wrong = np.asarray(errors, np.float64)
    tried = np.ones(len(wrong)) if trials is None else np.asarray(trials, np.float64)
    _, log = np.unique(np.asarray(logs), return_inverse=True)
    _refuse(encoded.n_scenes, log, wrong, tried)
    rows = np.flatnonzero((tried > 0) & ~np.isnan(wrong))
    if not len(rows):
        return FOUND.empty_table()
    settings, rng = settings or SlicesConfig(), rng or np.random.default_rng(0)
    mine = encoded.take(rows)
    _, log = np.unique(log[rows], return_inverse=True)
    likeness = estimate_likeness(log, tried[rows], wrong[rows])
    tested, taken = search(mine, log, tried[rows], wrong[rows], likeness, settings, rng)
    return list_slices(mine, tested, taken, tried[rows], wrong[rows])


def find_metric_slices(
    scenes: pa.Table,
    metrics: pa.Table,
    encoded: Encoded,
    wanted: Mapping[str, MetricConfig],
    settings: SlicesConfig,
    rng: np.random.Generator,
) -> pa.Table:
    """Find the segments in which each model does worse than elsewhere, by each metric that has a direction.

    Args:
        scenes: rows of `tables.SCENES`.
        metrics: rows of `tables.METRICS`.
        encoded: the attributes of these scenes, in the same order.
        wanted: the metrics to search by, with what is good for them; others are left out.
        settings: what is tested, and how strictly.
        rng: draws the two halves of the logs, for each model and metric anew.

    Returns:
        `derived_tables.SLICES`, ordered by model, metric and rank.

    Raises:
        TableError: a column is missing, a key is null, or a metric is of a scene that is not in `scenes`.

    >>> from oddloop.tables import METRICS
    >>> nothing = pa.table({"scene_id": ["a"], "log_id": ["k"]})
    >>> find_metric_slices(nothing, METRICS.empty(), Encoded(1, (), None), {}, SlicesConfig(), None).num_rows
    0
    """
    measured, _ = read_metrics(scenes, metrics)
    parts = [SLICES.empty()]
    for metric in measured:
        if metric.name in wanted:
            trials, errors = count_errors(metric, wanted[metric.name], settings.worst_share)
            found = find_slices(encoded.take(metric.scenes), metric.logs, errors, trials, settings, rng)
            owner = {"model_id": metric.model_id, "metric": metric.name}
            columns = {name: pa.array([text] * found.num_rows, pa.string()) for name, text in owner.items()}
            columns |= dict(zip(found.column_names, found.columns, strict=True))
            parts.append(pa.table([columns[name] for name in SLICES.schema().names], schema=SLICES.schema()))
    return pa.concat_tables(parts).combine_chunks()


def _refuse(n_scenes: int, logs: npt.NDArray[np.intp], errors: FloatArray, trials: FloatArray) -> None:
    lengths = {"logs": len(logs), "errors": len(errors), "trials": len(trials)}
    strange = [f"{name} {n:,}" for name, n in lengths.items() if n != n_scenes]
    if strange:
        raise ValueError(f"the attributes are of {n_scenes:,} scenes, but: {', '.join(strange)}; give one per scene")
    bad = np.flatnonzero((errors < 0) | (errors > trials) | np.isinf(errors) | np.isinf(trials))
    if len(bad):
        raise ValueError(
            f"errors: {errors[bad[0]]:g} of {trials[bad[0]]:g} in scene {bad[0]} cannot be; "
            "give as many errors as there are wrong things, from 0 to `trials`"
        )
