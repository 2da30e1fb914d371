"""Two models on the same scenes: in which segments one is surely better, and where nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from oddloop.config import leading_metric
from oddloop.coverage import ALL_SCENES
from oddloop.errors import WorkspaceError
from oddloop.lake.workspace import TableFiles
from oddloop.report.columns import plain
from oddloop.rounds.changes import CHANGES, judge_changes
from oddloop.rounds.datasets import diff_datasets
from oddloop.rounds.datasets.diff import count_changes
from oddloop.rounds.evaluate_hook import measured_tables
from oddloop.rounds.paired import compare_tables
from oddloop.web.paging import PageAsked, Part
from oddloop.web.queries.models import Model, list_models
from oddloop.web.store import NothingThereError, View

Name = Annotated[str, Field(max_length=200)]
BY_CHANCE = 0.05
"""Share of segments without any difference whose 95 % interval holds no zero."""


class ComparisonAsked(PageAsked):
    """Which two models, by which metric, and which segments."""

    a: Annotated[Name, Field(description="model; by default the newest that was measured")] = ""
    b: Annotated[Name, Field(description="model that it is compared with; by default the one before")] = ""
    metric: Annotated[Name, Field(description="metric; by default the one that pages lead with")] = ""
    change: Annotated[
        Literal["", "better", "worse", "unclear"], Field(description="only segments where `a` is surely so")
    ] = ""
    ways: Annotated[int, Field(ge=1, le=3, description="attributes of a segment, at most")] = 2


@dataclass(frozen=True)
class Change:
    """A segment: both values on the scenes that both measured, a - b with its 95 % interval over whole logs.

    `change` is `better` or `worse` for a where the interval holds no zero, else `unclear`.
    """

    segment_id: str
    first_value: float | None
    second_value: float | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    n_scenes: int
    n_logs: int
    change: str


@dataclass(frozen=True)
class DatasetChange:
    """Scenes that the first model's labelled set has otherwise than the second's."""

    n_added: int
    n_corrected: int
    n_removed: int


@dataclass(frozen=True)
class Comparison:
    """Two models compared; `a` and `b` are null where fewer than two models have measured a common metric.

    Attributes:
        models: ids of those that can be compared, newest first.
        metrics: names that both have measured, and of which it is known what is better.
        overall: over all scenes; null where the two have no scene in common.
        changes: a part of the segments, the surest first.
        counts: segments by `change`, of all that were compared.
        n_with_interval: segments with logs enough for an interval.
        by_chance: so many of them would look sure if there were no difference at all.
    """

    models: tuple[str, ...]
    a: Model | None
    b: Model | None
    metric: str
    better: str
    metrics: tuple[str, ...]
    change: str
    ways: int
    dataset: DatasetChange | None
    overall: Change | None
    changes: Part[Change]
    counts: dict[str, int]
    n_with_interval: int
    by_chance: float

    @property
    def limit(self) -> int:
        """Segments of this part, at most."""
        return self.changes.limit

    @property
    def next_offset(self) -> int | None:
        """Where the next part begins; None at the end."""
        return self.changes.next_offset


def read_comparison(view: View, asked: ComparisonAsked) -> Comparison:
    """Two models compared.

    Raises:
        NothingThereError: there is no such model, it was not measured, or the two have no such metric in common.
    """
    known = [model for model in list_models(view) if _metrics(view, model)]
    pair = _pair(known, asked)
    names = tuple(model.model_id for model in known)
    if pair is None:
        nothing = Part[Change]((), 0, asked.limit, asked.offset)
        return Comparison(names, None, None, "", "", (), asked.change, asked.ways, None, None, nothing, {}, 0, 0.0)
    a, b = pair
    metrics = tuple(sorted(set(_metrics(view, a)) & set(_metrics(view, b))))
    metric = _chosen(view, metrics, asked)
    better = view.config.metrics[metric].better
    table = _compared(view, a, b, metric, better, asked.ways)
    is_all = pc.equal(table["segment_id"], ALL_SCENES)
    segments = table.filter(pc.invert(is_all))
    shown = segments.filter(pc.equal(segments["change"], asked.change)) if asked.change else segments
    kinds, n_with = segments["change"].to_pylist(), sum(segments["has_interval"].to_pylist())
    return Comparison(
        names, a, b, metric, better, metrics, asked.change, asked.ways, _dataset(view, a, b),
        next(iter(_changes(table.filter(is_all))), None),
        Part(_changes(shown.slice(asked.offset, asked.limit)), shown.num_rows, asked.limit, asked.offset),
        {kind: kinds.count(kind) for kind in CHANGES}, n_with, BY_CHANCE * n_with,
    )  # fmt: skip


def _metrics(view: View, model: Model) -> tuple[str, ...]:
    return tuple(one.metric for one in model.measured if one.metric in view.config.metrics)


def _pair(known: Sequence[Model], asked: ComparisonAsked) -> tuple[Model, Model] | None:
    by_id = {model.model_id: model for model in known}
    if stranger := next((name for name in (asked.a, asked.b) if name and name not in by_id), None):
        there = ", ".join(by_id) or "none"
        raise NothingThereError(
            f"no model {stranger!r} was measured by a metric that has a direction; there are: {there}"
        )
    order = list(by_id)
    a = asked.a or next((name for name in order if name != asked.b), "")
    before = order[order.index(a) + 1 :] if a else []
    b = asked.b or next(iter([*before, *(name for name in order if name != a)]), "")
    return (by_id[a], by_id[b]) if a and b else None


def _chosen(view: View, metrics: Sequence[str], asked: ComparisonAsked) -> str:
    metric = asked.metric or leading_metric(metrics, view.config) or next(iter(metrics), "")
    if metric not in metrics:
        raise NothingThereError(f"the two models have no metric {metric!r} in common; there are: {', '.join(metrics)}")
    return metric


def _compared(view: View, a: Model, b: Model, metric: str, better: str, ways: int) -> pa.Table:
    """Every segment, judged, the surest first; kept, since it takes seconds where there are many."""
    evaluation = view.round(a.round_id).evaluation if a.round_id else {}
    covered = str(evaluation.get("coverage_digest") or view.stages.get("coverage", ""))
    of_lake = "" if a.round_id and b.round_id else view.digest
    key = ("compared", covered, a.model_id, a.training_digest, b.model_id, b.training_digest, metric, better, ways)

    def compare() -> pa.Table:
        if view.stage("coverage", covered) is None:
            raise NothingThereError(f"the coverage that {a.model_id} was measured with is gone")
        rng = np.random.default_rng(np.random.SeedSequence([view.config.workspace.seed, *b"compare"]))
        files, ids = (_files(view, a), _files(view, b)), (a.model_id, b.model_id)
        return judge_changes(compare_tables(view.workspace, covered, files, ids, metric, rng, ways), better)

    return view.cached((*key, of_lake), compare)


def _files(view: View, model: Model) -> TableFiles:
    if not model.round_id:
        return view.workspace.table("metrics")
    found = measured_tables(view.workspace, view.round(model.round_id))
    if found is None:
        raise NothingThereError(f"what {model.model_id} measured is gone")
    return found


def _changes(table: pa.Table) -> tuple[Change, ...]:
    names = [field.name for field in fields(Change)]
    return tuple(Change(**plain(row)) for row in table.select(names).to_pylist())


def _dataset(view: View, a: Model, b: Model) -> DatasetChange | None:
    """What a learned from that b did not; None where it is not known."""
    if a.dataset is None or b.dataset is None:
        return None
    after, before = a.dataset.digest, b.dataset.digest

    def diff() -> DatasetChange | None:
        try:
            return DatasetChange(**count_changes(diff_datasets(view.workspace, before, after).changes))
        except WorkspaceError:  # a version is gone
            return None

    return view.cached(("dataset change", before, after), diff)
