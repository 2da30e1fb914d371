"""What a round would do to the gaps: how many scenes of each its kept picks bring, beside what the gap needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.diagnosis import worst_gaps
from oddloop.report.columns import plain
from oddloop.report.lead import lead_metric
from oddloop.rounds.state import RoundState
from oddloop.web.queries.gaps import diagnosis_of
from oddloop.web.queries.review.scenes import Values
from oddloop.web.store import View

N_EFFECTS = 8


@dataclass(frozen=True)
class Effect:
    """A gap of the leading metric, and what the kept picks bring to it.

    `n_needed` more labelled scenes reach the target, with a 90 % interval; null where that is not known. `n_brought`
    picks from `n_brought_logs` logs lie in the segment.
    """

    segment_id: str
    metric: str
    verdict: str
    value: float | None
    half_width: float | None
    target: float
    n_labelled: int
    n_unlabelled: int
    n_needed: float | None
    n_needed_low: float | None
    n_needed_high: float | None
    n_brought: int
    n_brought_logs: int


@dataclass(frozen=True)
class _Part:
    """A gap with the conditions of its segment."""

    row: Mapping[str, Any]
    conditions: tuple[tuple[str, str], ...]


_TABLES = ("gaps", "verdicts")
_BROUGHT = ("n_brought", "n_brought_logs")


def read_effects(
    view: View, state: RoundState, kept: Sequence[tuple[str, str]], values: Mapping[str, Values]
) -> tuple[Effect, ...]:
    """The worst gaps as they were known when the round was proposed, the surest and largest first.

    Args:
        view: the workspace.
        state: the round.
        kept: (scene, log) of the picks that are in.
        values: conditions of these scenes.
    """
    stages = {name: str(digest) for name, digest in state.proposal.get("stages", {}).items()}
    measured = view.table("coverage", "segment_metrics.parquet", digest=stages.get("coverage", "-"))
    lead = None if measured is None else lead_metric(measured, view.config)
    if lead is None:
        return ()
    gaps, verdicts = (view.table("diagnosis", f"{n}.parquet", digest=stages.get("diagnosis", "-")) for n in _TABLES)
    if (
        gaps is None or verdicts is None
    ):  # a round of before there were verdicts: they are made now, of what is known now
        key: tuple[object, ...] = ("effects", stages["coverage"], view.digest)

        def make() -> tuple[_Part, ...]:
            found = diagnosis_of(view, stages["coverage"])
            return _parts(view, stages, lead.name, (found.gaps, found.verdicts))

        parts = view.cached(key, make)
    else:
        key = ("effects", stages["coverage"], stages["diagnosis"], lead)
        parts = view.cached(key, lambda: _parts(view, stages, lead.name, (gaps, verdicts)))
    return tuple(_effect(part, kept, values) for part in parts)


def _parts(
    view: View, stages: Mapping[str, str], metric: str, diagnosis: tuple[pa.Table, pa.Table]
) -> tuple[_Part, ...]:
    table = worst_gaps(*diagnosis)
    segments = view.table("coverage", "segments.parquet", digest=stages["coverage"])
    # Of all scenes every pick is one; that tells nothing.
    wanted = pc.and_(pc.equal(table["metric"], metric), pc.match_substring(table["segment_id"], "="))
    names = [field.name for field in fields(Effect) if field.name not in _BROUGHT]
    rows = table.filter(wanted).slice(0, N_EFFECTS).select(names).to_pylist()
    conditions = {} if segments is None else _conditions(segments, [row["segment_id"] for row in rows])
    return tuple(_Part(plain(row), conditions.get(row["segment_id"], ())) for row in rows)


def _conditions(segments: pa.Table, ids: list[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    mine = segments.filter(pc.is_in(segments["segment_id"], value_set=pa.array(ids, pa.string())))
    rows = mine.select(["segment_id", "attributes", "values"]).to_pylist()
    return {row["segment_id"]: tuple(zip(row["attributes"], row["values"], strict=True)) for row in rows}


def _effect(part: _Part, kept: Sequence[tuple[str, str]], values: Mapping[str, Values]) -> Effect:
    logs = [log for scene, log in kept if part.conditions and holds(values.get(scene, {}), part.conditions)]
    return Effect(**part.row, n_brought=len(logs), n_brought_logs=len(set(logs)))


def holds(values: Values, conditions: Sequence[tuple[str, str]]) -> bool:
    """Whether a scene lies in a segment.

    >>> holds({"rain": frozenset({"heavy"}), "agents": frozenset({"bus", "car"})}, [("agents", "car")])
    True
    """
    return all(value in values.get(name, ()) for name, value in conditions)
