"""The page of one scene: what is known of it, what is like it, and its life."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.report.columns import finite
from oddloop.rounds.replays import frames_of
from oddloop.rounds.trace import Trace
from oddloop.web.queries.scenes.asked import SceneAsked
from oddloop.web.queries.scenes.course import Course, Image, images_of, read_course
from oddloop.web.queries.scenes.facts import Fact, ModelScore, NamedScore, all_scores, by_model, facts_of, row_of_scene
from oddloop.web.queries.scenes.index import Index, open_index
from oddloop.web.queries.scenes.search import Group, SceneLine, chosen_score, groups_of, lines_of
from oddloop.web.queries.scenes.similar import find_like
from oddloop.web.store import NothingThereError, View

N_NEIGHBOURS = 8


@dataclass(frozen=True)
class Moment:
    """What happened to the scene; `at_ns` is null where no one recorded when, the others are "" for none."""

    kind: str
    text: str
    at_ns: int | None
    author: str
    round_id: str


@dataclass(frozen=True)
class Scene:
    """A scene.

    `cost` is what it would cost to label, as the newest round predicts, null where it was no candidate of it;
    `scores` are all that are valid of the newest model, where they are asked for;
    `missing` are files that are gone, so that something of its life may not be told.
    """

    line: SceneLine
    facts: tuple[Fact, ...]
    cost: float | None
    cost_unit: str
    score: str
    score_names: tuple[str, ...]
    scores: tuple[NamedScore, ...]
    by_model: tuple[ModelScore, ...]
    course: Course | None
    images: tuple[Image, ...]
    clusters: tuple[Group, ...]
    neighbours: tuple[SceneLine, ...]
    summary: str
    life: tuple[Moment, ...]
    missing: tuple[str, ...]


def read_scene(view: View, asked: SceneAsked) -> Scene:
    """The page of a scene.

    Raises:
        NothingThereError: there is no such scene, or no such score.
    """
    index = open_index(view)
    row = index.row(asked.id) if index else None
    if index is None or row is None:
        raise NothingThereError(f"there is no scene {asked.id!r}")
    score = chosen_score(view, asked.score)
    (line,) = lines_of(index, np.array([row]), [None], score)
    known = row_of_scene(view.workspace.table("scenes"), asked.id, but=(*index.attributes, "log_id", "split"))
    frames = frames_of(view.workspace, asked.id)
    trace = _trace(view, asked.id)
    return Scene(
        line=line,
        facts=facts_of(known),
        cost=_cost(view, trace),
        cost_unit=view.config.cost.unit,
        score=score,
        scores=all_scores(index, asked.id) if asked.scores else (),
        score_names=index.scores,
        by_model=by_model(index, row, score),
        course=read_course(view, asked.id, score, frames),
        images=images_of(frames, str(known.get("media_uri") or "")),
        clusters=tuple(group for group in groups_of(index) if group.cluster_id in line.clusters),
        neighbours=_neighbours(index, asked.id, score),
        summary=trace.summary,
        life=tuple(Moment(m.kind, m.text, m.at_ns, m.author, m.round_id) for m in trace.moments),
        missing=trace.missing,
    )


def _neighbours(index: Index, scene_id: str, score: str) -> tuple[SceneLine, ...]:
    try:
        found = find_like(index, None, [scene_id], [], N_NEIGHBOURS)
    except NothingThereError:  # it has no vector
        return ()
    return tuple(lines_of(index, found.rows, found.distances, score))


def _trace(view: View, scene_id: str) -> Trace:
    return view.cached(("trace", view.digest, scene_id), lambda: view.trace(scene_id))


def _cost(view: View, trace: Trace) -> float | None:
    """What the newest round predicts."""
    newest = view.stages.get("select", "")
    of_newest = (m.detail["candidate"] for m in trace.moments if newest and m.detail.get("select_digest") == newest)
    return next((finite(candidate.get("cost")) for candidate in of_newest), None)
