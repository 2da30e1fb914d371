"""A grid of two attributes: one number per cell, and what its look must tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import pyarrow.compute as pc
from pydantic import Field

from oddloop.report.heatmap import Measure, shade_of
from oddloop.report.model import Attribute, Segment
from oddloop.report.segments import surely_misses
from oddloop.web.paging import Asked
from oddloop.web.queries.coverage.measures import NAMES, mean_scores, measure_of, scale_of
from oddloop.web.queries.coverage.missing import Missing, read_missing
from oddloop.web.queries.coverage.quadrant import Quadrant, read_quadrant
from oddloop.web.queries.coverage.source import Source, covered_models, open_source
from oddloop.web.queries.gaps import GapLine, gap_table, read_gaps
from oddloop.web.store import NothingThereError, View

MeasureName = Literal["volume", "logs", "pool", "performance", "gap", "uncertainty"]
Name = Annotated[str, Field(max_length=200)]
RoundName = Annotated[str, Field(pattern=r"^(r\d{3,9})?$")]
_STEPS = 10
_N_MISSING = 20
_OF_MEASURE = "what a cell shows; by default labelled time, or unlabelled where nothing is labelled"


class CoverageAsked(Asked):
    """Which two attributes, which number, and which coverage."""

    rows: Annotated[Name, Field(description="attribute down the side; by default that of the worst gap")] = ""
    columns: Annotated[Name, Field(description="attribute along the top; `-` for none")] = ""
    measure: Annotated[MeasureName | Literal[""], Field(description=_OF_MEASURE)] = ""
    round: Annotated[RoundName, Field(description="the coverage of a round; by default the newest")] = ""
    against: Annotated[Name, Field(description="a round or a model that each cell is compared with")] = ""
    ways: Annotated[int, Field(ge=1, le=2, description="attributes of the segments in the quadrant")] = 1


@dataclass(frozen=True)
class Cell:
    """A cell: `look` is `value`, `none` (no data), `few` (too few to judge) or `outside` (of the ODD).

    `shade` goes from 0 to 10, null where there is no number; `misses`: even the favourable end of the metric's interval
    is worse than its target. `other` is the same number of the round or model that is compared with.
    """

    segment_id: str
    look: str
    value: float | None
    text: str
    shade: int | None
    misses: bool
    verdict: str
    n_labelled: int
    n_unlabelled: int
    n_logs: int
    other: float | None
    other_text: str
    other_shade: int | None


@dataclass(frozen=True)
class Grid:
    """Cells by row and column; without columns there is one, of the whole row."""

    rows: str
    columns: str
    row_values: tuple[str, ...]
    column_values: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    lightest: str
    darkest: str
    is_metric: bool


@dataclass(frozen=True)
class Coverage:
    """The coverage page; `grid` is null where nothing was counted, or the number asked for is not known."""

    attributes: tuple[str, ...]
    measures: tuple[str, ...]
    rounds: tuple[str, ...]
    models: tuple[str, ...]
    model_id: str
    metric: str
    target: float | None
    measure: str
    round_id: str
    against: str
    grid: Grid | None
    quadrant: Quadrant | None
    worst: tuple[GapLine, ...]
    missing: Missing


def read_coverage(view: View, asked: CoverageAsked) -> Coverage:
    """The coverage page.

    Raises:
        NothingThereError: there is no such attribute, round or model.
    """
    source = open_source(view, asked.round)
    rounds = tuple(s.round_id for s in reversed(view.rounds) if s.evaluation or s.proposal)
    if source is None:
        return Coverage(
            (), NAMES, rounds, (), "", "", None, asked.measure, asked.round, "", None, None, (), Missing((), 0)
        )
    key = ("coverage page", view.digest, asked)
    return view.cached(key, lambda: _read(view, source, rounds, asked))


def _read(view: View, source: Source, rounds: tuple[str, ...], asked: CoverageAsked) -> Coverage:
    if not asked.measure:
        is_labelled = any(segment.labelled.n_scenes for segment in source.of_ways(0))
        asked = asked.model_copy(update={"measure": "volume" if is_labelled else "pool"})
    lead = source.lead
    other = open_source(view, asked.against) if asked.against else None
    return Coverage(
        attributes=tuple(attribute.name for attribute in source.attributes),
        measures=NAMES,
        rounds=rounds,
        models=covered_models(view),
        model_id=source.model_id,
        metric=lead.name if lead else "",
        target=lead.target if lead else None,
        measure=asked.measure,
        round_id=asked.round,
        against=asked.against,
        grid=_grid(view, source, other, asked),
        quadrant=view.cached(
            ("quadrant", source.digest, lead, source.reference, asked.ways), lambda: read_quadrant(source, asked.ways)
        ),
        worst=read_gaps(view, 8).worst,
        missing=read_missing(view, source, _N_MISSING),
    )


def _grid(view: View, source: Source, other: Source | None, asked: CoverageAsked) -> Grid | None:
    shown = _chosen(view, source, asked)
    if not shown:
        return None
    names = [attribute.name for attribute in shown]
    made = _Numbers(view, source, names, asked.measure)
    if made.measure is None:
        return None
    compared = _Numbers(view, other, names, asked.measure) if other else None
    rows, columns = shown[0], shown[1] if len(shown) > 1 else None
    verdicts = _verdicts(view, source)
    cells = tuple(
        tuple(_cell(made, compared, (rows, row), (columns, column), verdicts) for column in _values(columns))
        for row in rows.values
    )
    light, dark = (made.measure.text(end) for end in made.scale)
    return Grid(
        rows.name,
        columns.name if columns else "",
        rows.values,
        tuple(_values(columns)),
        cells,
        light,
        dark,
        made.measure.is_metric,
    )


def _values(attribute: Attribute | None) -> tuple[str, ...]:
    return attribute.values if attribute else ("",)


def _chosen(view: View, source: Source, asked: CoverageAsked) -> list[Attribute]:
    """The attributes of the rows and the columns: those asked for, else those of the worst gap, else the first two."""
    by_name = {attribute.name: attribute for attribute in source.attributes}
    for name in (asked.rows, asked.columns):
        if name not in ("", "-") and name not in by_name:
            raise NothingThereError(f"there is no attribute {name!r}; there are: {', '.join(by_name)}")
    gap = next((line.segment_id for line in read_gaps(view, 30).worst if " & " in line.segment_id), "")
    found = source.of_ids([gap]) if gap else ()
    wanted = [*(found[0].attributes if found else ()), *by_name]
    rows = asked.rows if asked.rows not in ("", "-") else next((n for n in wanted if n != asked.columns), "")
    columns = asked.columns or next((n for n in wanted if n != rows), "")
    names = [rows] if columns in ("-", rows) else [rows, columns]
    return [by_name[name] for name in names if name]


class _Numbers:
    """The segments of a pair of attributes with their numbers, on the scale of that pair."""

    def __init__(self, view: View, source: Source, names: list[str], measure: str) -> None:
        self.source = source
        ordered = [attribute.name for attribute in source.attributes if attribute.name in names]
        scores = mean_scores(view, source, ordered) if measure == "uncertainty" else {}
        self.measure: Measure | None = measure_of(measure, source.lead, scores)
        segments = source.of_attributes(ordered)
        self.by_parts = {frozenset(zip(s.attributes, s.values, strict=True)): s for s in segments}
        self.odd = source.odd_of([segment.segment_id for segment in segments])
        self.scale = scale_of(self.measure, segments, source.lead) if self.measure else (0.0, 0.0)

    def number(self, segment: Segment | None) -> float | None:
        return self.measure.value(segment) if self.measure and segment else None

    def shade(self, value: float | None, scale: tuple[float, float]) -> int | None:
        share = shade_of(self.measure, value, scale) if self.measure else None
        return None if share is None else round(share * _STEPS)


def _cell(
    made: _Numbers,
    compared: _Numbers | None,
    row: tuple[Attribute, str],
    column: tuple[Attribute | None, str],
    verdicts: Mapping[str, str],
) -> Cell:
    parts = [(row[0].name, row[1]), *([(column[0].name, column[1])] if column[0] else [])]
    segment = made.by_parts.get(frozenset(parts))
    value = made.number(segment)
    is_outside = row[1] in row[0].outside or bool(column[0] and column[1] in column[0].outside)
    other = compared.number(compared.by_parts.get(frozenset(parts))) if compared else None
    measure = made.measure
    assert measure is not None  # noqa: S101 - without one there is no grid
    return Cell(
        segment_id=segment.segment_id if segment else "",
        look=_look(made, segment, value, is_outside=is_outside),
        value=value,
        text="" if value is None else measure.text(value),
        shade=made.shade(value, made.scale),
        misses=bool(segment and surely_misses(segment.measured, made.source.lead, made.source.reference)),
        verdict=verdicts.get(segment.segment_id, "") if segment else "",
        n_labelled=segment.labelled.n_scenes if segment else 0,
        n_unlabelled=segment.unlabelled.n_scenes if segment else 0,
        n_logs=segment.measured.n_logs if segment and segment.measured else 0,
        other=other,
        other_text="" if other is None else measure.text(other),
        other_shade=made.shade(other, made.scale),
    )


def _look(made: _Numbers, segment: Segment | None, value: float | None, *, is_outside: bool) -> str:
    if is_outside or (segment and made.odd.get(segment.segment_id) == "outside"):
        return "outside"
    if segment is None or value is None:
        return "none"
    is_thin = bool(made.measure and made.measure.is_metric and not (segment.measured and segment.measured.valid))
    return "few" if is_thin else "value"


def _verdicts(view: View, source: Source) -> dict[str, str]:
    """Verdict by segment of the newest coverage, for the leading metric."""
    table = gap_table(view)
    if table is None or source.lead is None or source.digest != view.stages.get("coverage"):
        return {}
    mine = table.filter(pc.equal(table["metric"], source.lead.name))

    def read() -> dict[str, str]:
        return dict(zip(mine["segment_id"].to_pylist(), mine["verdict"].to_pylist(), strict=True))

    return view.cached(("verdicts", view.digest, source.lead.name), read)
