"""Where the loop stands, and what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass

from oddloop.rounds.discovery import fold_names, last_clustered, open_questions
from oddloop.rounds.labels import count_awaited
from oddloop.rounds.review import Board
from oddloop.rounds.state import BEFORE_LABELS, DISCOVERY, RoundState
from oddloop.web.queries.coverage.missing import read_missing
from oddloop.web.queries.coverage.source import open_source
from oddloop.web.queries.gaps import Gaps, lead_of, read_gaps
from oddloop.web.queries.rounds import Evidence, RoundLine, Step, evidence_of, line_of, steps_of
from oddloop.web.queries.trend import CoveragePoint, LiftPoint, read_lift, read_trend
from oddloop.web.store import View

N_GAPS = 3


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a person: `review`, `labels`, `questions` or `names`; how many of how many."""

    what: str
    n: int
    total: int
    round_id: str


@dataclass(frozen=True)
class Overview:
    """Where the loop stands; `round` is the newest one, null before the first; `evidence` the newest that there is.

    `n_missing` counts the gaps of volume.
    """

    workspace: str
    round: RoundLine | None
    steps: tuple[Step, ...]
    gaps: Gaps
    n_missing: int
    trend: tuple[CoveragePoint, ...]
    lift: tuple[LiftPoint, ...]
    has_control: bool
    evidence: Evidence | None
    waiting: tuple[Waiting, ...]


def read_overview(view: View) -> Overview:
    """Everything of the overview."""
    return view.cached(("overview", view.digest), lambda: _read(view))


def _read(view: View) -> Overview:
    newest = view.rounds[-1] if view.rounds else None
    return Overview(
        workspace=view.config.workspace.name,
        round=line_of(newest) if newest else None,
        steps=steps_of(newest) if newest else (),
        gaps=read_gaps(view, N_GAPS),
        n_missing=read_missing(view, source, 0).total if (source := open_source(view)) else 0,
        trend=read_trend(view),
        lift=read_lift(view, lead_of(view)),
        has_control=bool(view.config.evidence.control),
        evidence=next((found for state in reversed(view.rounds) if (found := evidence_of(state))), None),
        waiting=(*_waits_in_round(view, view.open_round), *_waits_in_clusters(view)),
    )


def _waits_in_round(view: View, state: RoundState | None) -> list[Waiting]:
    """Picks that nobody has decided on; scenes that have no labels yet."""
    if state is None or state.status not in BEFORE_LABELS or not state.picks:
        return []
    n = len(state.picks)
    undecided = sum(not standing.decision for standing in Board.of(state).standings)
    missing = view.cached(
        ("awaited", view.labels_digest, tuple(state.awaited_ids)), lambda: count_awaited(view.workspace, state)
    )
    found = [Waiting("review", undecided, n, state.round_id)] if state.status == "proposed" and undecided else []
    if missing and (state.status != "proposed" or missing < n):
        found.append(Waiting("labels", missing, n, state.round_id))
    return found


def _waits_in_clusters(view: View) -> list[Waiting]:
    """Questions after splits; clusters without a name."""
    events = view.events(DISCOVERY)
    asked, head = len(open_questions(events)), last_clustered(events)
    found = [Waiting("questions", asked, asked, "")] if asked else []
    cards = view.table("cards", "cluster_cards.parquet", ["cluster_id"])
    if head is None or cards is None:
        return found
    names = fold_names(events)
    said = {name for name, scenario in names.items() if scenario.name or scenario.status != "new"}
    ids = cards["cluster_id"].to_pylist()
    unnamed = sum(cluster_id not in said for cluster_id in ids)
    return [*found, Waiting("names", unnamed, len(ids), "")] if unnamed else found
