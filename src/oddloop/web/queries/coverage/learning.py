"""The learning curve of a segment: what models trained on parts of the labels were worth, and what more labels give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import MetricConfig
from oddloop.coverage.diagnosis import Curves
from oddloop.coverage.diagnosis.errors import find_best
from oddloop.intervals import bootstrap_interval, draw_weights
from oddloop.lake.workspace import TableFiles
from oddloop.report.columns import finite, plain
from oddloop.report.model import Segment
from oddloop.rounds.curves import POINTS_FILE
from oddloop.web.queries.coverage.source import Source
from oddloop.web.queries.gaps import curves_digest, diagnosis_of
from oddloop.web.store import View

_CONFIDENCE = 0.9
_N_DRAWS = 1000
_N_LINE = 48
_SUMS = "SELECT size, seed, log_id, n_scenes, support, value_sum FROM t WHERE segment_id = ? AND metric = ?"
_ENDS = "SELECT min(value_sum / support) low, max(value_sum / support) high FROM t WHERE metric = ? AND support > 0"


@dataclass(frozen=True)
class Training:
    """One model trained on a part of the labels: the labelled scenes of the segment in it, and the metric there."""

    n_scenes: int
    value: float


@dataclass(frozen=True)
class Size:
    """The trainings on one share of the labels together, with a 90 % interval over whole held-out logs."""

    n_scenes: float
    value: float
    ci_low: float | None
    ci_high: float | None
    n_trainings: int
    n_logs: int


@dataclass(frozen=True)
class At:
    """A place on the fitted curve."""

    n_scenes: float
    value: float


@dataclass(frozen=True)
class Curve:
    """A fitted learning curve, error = c + b n^-a.

    Attributes:
        n_sizes, n_seeds, n_logs, n_scenes: what the fit rests on; `n_scenes` is the largest training's.
        a, b, c: the curve, in errors; c is its floor, `c_low` and `c_high` a 90 % interval of it.
        target, chance: as an error, and how likely the trusted reach gets there.
        n_needed, n_needed_low, n_needed_high: labelled scenes to the target, 90 %; null: never, or not known.
        floor, floor_low, floor_high: the floor as a value of the metric.
        trainings, sizes: what was measured; empty where the trainings are gone.
        line: the curve as values of the metric, as far as it is trusted; what lies behind `n_scenes` is extrapolated.
    """

    n_sizes: int
    n_seeds: int
    n_logs: int
    n_scenes: int
    a: float
    b: float
    c: float
    c_low: float
    c_high: float
    target: float
    chance: float
    n_needed: float | None
    n_needed_low: float | None
    n_needed_high: float | None
    floor: float
    floor_low: float
    floor_high: float
    trainings: tuple[Training, ...]
    sizes: tuple[Size, ...]
    line: tuple[At, ...]


_DERIVED = ("floor", "floor_low", "floor_high", "trainings", "sizes", "line")


def read_curve(view: View, source: Source, segment: Segment) -> Curve | None:
    """The curve of the leading metric; None where none was fitted."""
    lead = source.lead
    if lead is None:
        return None
    table = diagnosis_of(view, source.digest).curves
    mine = pc.and_(pc.equal(table["segment_id"], segment.segment_id), pc.equal(table["metric"], lead.name))
    rows = table.filter(mine).to_pylist()
    names = [field.name for field in fields(Curve) if field.name not in _DERIVED]
    fit = plain({name: rows[0][name] for name in names}) if rows else {}
    if not rows or None in (fit["a"], fit["b"], fit["c"]):
        return None
    return Curve(**fit, **_measured(view, segment, lead.name, fit))


def _measured(view: View, segment: Segment, metric: str, fit: Mapping[str, Any]) -> dict[str, Any]:
    """What the curve rests on, and the curve itself, as values of the metric."""
    files = _points(view)
    rows = view.query(_SUMS, [segment.segment_id, metric], t=files) if files else None
    ends = view.query(_ENDS, [metric], t=files).to_pylist()[0] if files else {}
    config = view.config.metrics[metric]
    best = find_best(np.array([value for value in ends.values() if value is not None], np.float64), config)
    trainings = _trainings(rows) if rows is not None else ()
    sign = 1.0 if config.better == "lower" else -1.0
    # The least error is the greatest value where higher is better.
    ends = ("c_low", "c_high") if config.better == "lower" else ("c_high", "c_low")
    floor = (best + sign * fit[name] for name in ("c", *ends))
    return {
        **dict(zip(("floor", "floor_low", "floor_high"), (finite(value) for value in floor), strict=True)),
        "trainings": trainings,
        "sizes": _sizes(rows, view.config.workspace.seed) if rows is not None else (),
        "line": _line(view, segment, trainings, fit, (best, config)),
    }


def _points(view: View) -> TableFiles | None:
    """The points of the newest curves of the present training command."""
    digest = curves_digest(view)
    return view.files("curves", POINTS_FILE, digest) if digest else None


def _trainings(rows: pa.Table) -> tuple[Training, ...]:
    sums = rows.group_by(["size", "seed"]).aggregate([("n_scenes", "max"), ("support", "sum"), ("value_sum", "sum")])
    found = (
        Training(row["n_scenes_max"], row["value_sum_sum"] / row["support_sum"])
        for row in sums.to_pylist()
        if row["support_sum"] and row["n_scenes_max"]
    )
    return tuple(sorted(found, key=lambda one: (one.n_scenes, one.value)))


def _sizes(rows: pa.Table, seed: int) -> tuple[Size, ...]:
    """Trainings of one share of the labels together; all shares are resampled by the same draws of logs."""
    kept = rows.filter(pc.and_(pc.greater(rows["support"], 0), pc.greater(rows["n_scenes"], 0)))
    if not kept.num_rows:
        return ()
    sizes, at = np.unique(kept["size"].to_numpy(), return_inverse=True)
    logs = kept["log_id"].combine_chunks().dictionary_encode()
    log, n_logs = logs.indices.to_numpy(), len(logs.dictionary)
    sums = np.zeros((2, len(sizes), n_logs))
    for place, name in enumerate(("value_sum", "support")):
        np.add.at(sums[place], (at, log), kept[name].to_numpy())
    weights = draw_weights(n_logs, _N_DRAWS, np.random.default_rng(np.random.SeedSequence([seed, *b"curve"])))
    low, high = bootstrap_interval(sums[0], sums[1], weights, _CONFIDENCE)
    value = sums[0].sum(axis=1) / sums[1].sum(axis=1)
    found = []
    for place in range(len(sizes)):
        of_seed = dict(zip(kept["seed"].filter(pa.array(at == place)).to_pylist(),
                           kept["n_scenes"].filter(pa.array(at == place)).to_pylist(), strict=True))  # fmt: skip
        n = sum(of_seed.values()) / len(of_seed)
        ends = finite(float(low[place])), finite(float(high[place]))
        found.append(Size(n, float(value[place]), *ends, len(of_seed), int((sums[1][place] > 0).sum())))
    return tuple(found)


def _line(
    view: View,
    segment: Segment,
    trainings: tuple[Training, ...],
    fit: Mapping[str, Any],
    scale: tuple[float, MetricConfig],
) -> tuple[At, ...]:
    """From the smallest training as far as the diagnosis extrapolates."""
    first = max(min((one.n_scenes for one in trainings), default=1), 1)
    last = max(fit["n_scenes"], view.config.coverage.diagnosis.reach * segment.labelled.n_scenes, first + 1)
    n = np.geomspace(first, last, _N_LINE)
    error = Curves(*(np.array(fit[name]) for name in "abc")).error_at(n)
    best, metric = scale
    value = best + error if metric.better == "lower" else best - error
    return tuple(At(float(a), float(v)) for a, v in zip(n, value, strict=True))
