"""The search page: which scenes meet the conditions, a part of them in order, and what one may filter by further."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.report.columns import finite
from oddloop.web.paging import Part
from oddloop.web.queries.scenes.asked import ScenesAsked
from oddloop.web.queries.scenes.column import Bools, Mask
from oddloop.web.queries.scenes.facets import Facet, read_facets
from oddloop.web.queries.scenes.index import HELD_OUT, Index, open_index, score_names
from oddloop.web.queries.scenes.keep import keep_scenes
from oddloop.web.queries.scenes.similar import find_like
from oddloop.web.store import NothingThereError, View

_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Values:
    """What a scene has of an attribute."""

    attribute: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class SceneLine:
    """A scene in one line; `score` is null where it is not known, `distance` where nothing is to be likened to."""

    scene_id: str
    log_id: str
    labelled: bool
    is_held_out: bool
    score: float | None
    distance: float | None
    clusters: tuple[str, ...]
    values: tuple[Values, ...]


@dataclass(frozen=True)
class Group:
    """A cluster, its name ("" for none), and its scenes."""

    cluster_id: str
    name: str
    n: int


@dataclass(frozen=True)
class Scenes:
    """The search page; `n_scenes` of the workspace is null where nothing was counted yet.

    `least` and `greatest` are the ends of the score.
    """

    part: Part[SceneLine]
    n_scenes: int | None
    facets: tuple[Facet, ...]
    score: str
    scores: tuple[str, ...]
    least: float | None
    greatest: float | None
    clusters: tuple[Group, ...]

    @property
    def limit(self) -> int:
        """Scenes of this part, at most."""
        return self.part.limit

    @property
    def next_offset(self) -> int | None:
        """Where the next part begins; None at the end."""
        return self.part.next_offset


def read_scenes(view: View, asked: ScenesAsked) -> Scenes:
    """The search page.

    Raises:
        NothingThereError: there is no such attribute, score or example.
    """
    index = open_index(view)
    if index is None:
        return Scenes(Part((), 0, asked.limit, asked.offset), None, (), "", (), None, None, ())
    score = chosen_score(view, asked.score)
    kept = keep_scenes(index, asked, score)
    part = _part(index, asked, kept.all_but(), score)
    facets = read_facets(index, asked, kept)
    return Scenes(part, index.n, facets, score, index.scores, *_ends(index, score), groups_of(index))


def _part(index: Index, asked: ScenesAsked, kept: Bools, score: str) -> Part[SceneLine]:
    """The likest scenes where there are examples, else those of the order that is asked for."""
    first, behind = asked.offset, asked.offset + asked.limit
    if asked.like:
        like = find_like(index, kept, asked.like, asked.unlike, behind)
        lines = lines_of(index, like.rows[first:], like.distances[first:], score)
        return Part(tuple(lines), like.total, asked.limit, asked.offset)
    shown = _first_kept(_in_order(index, asked, score), kept, behind)[first:]
    total = int(np.count_nonzero(kept))
    return Part(tuple(lines_of(index, shown, [None] * len(shown), score)), total, asked.limit, asked.offset)


def scenes_of(view: View, asked: ScenesAsked, first: int | None = None) -> pa.Array:
    """Ids of all scenes that meet the conditions, in order; only so many of the first where that is said.

    Raises:
        NothingThereError: nothing was counted yet, or there is no such attribute, score or example.
    """
    index = open_index(view)
    if index is None:
        raise NothingThereError("no scene has been counted yet; `oddloop coverage` does it")
    score = chosen_score(view, asked.score)
    kept = keep_scenes(index, asked, score).all_but()
    n = first or index.n
    rows = (
        find_like(index, kept, asked.like, asked.unlike, n).rows
        if asked.like
        else _first_kept(_in_order(index, asked, score), kept, n)
    )
    return index.ids.take(pa.array(rows))


def _in_order(index: Index, asked: ScenesAsked, score: str) -> npt.NDArray[np.integer]:
    """All rows in the order that is asked for."""
    if asked.sort == "id" or not score:
        order: npt.NDArray[np.integer] = np.arange(index.n)
        return order
    return index.by_score(score, lowest_first=asked.sort == "low")


def _first_kept(order: npt.NDArray[np.integer], kept: Bools, n: int) -> npt.NDArray[np.integer]:
    """The first n kept rows of an order; the rest of it is not looked at."""
    found: list[npt.NDArray[np.integer]] = []
    for start in range(0, len(order), _ROWS_AT_ONCE):
        if sum(map(len, found)) >= n:
            break
        part = order[start : start + _ROWS_AT_ONCE]
        found.append(part[kept[part]])
    return np.concatenate([*found, order[:0]])[:n]


def chosen_score(view: View, wanted: str) -> str:
    """The score that is asked for, else that of the newest round, else the first; "" where none is known.

    Raises:
        NothingThereError: there is no such score.
    """
    known = score_names(view)
    if wanted and wanted not in known:
        raise NothingThereError(f"there is no score {wanted!r}; there are: {', '.join(known[:20]) or 'none yet'}")
    proposed = next((str(s.proposal.get("score", "")) for s in reversed(view.rounds) if s.proposal), "")
    return next((name for name in (wanted, proposed, view.config.select.score) if name in known), next(iter(known), ""))


def _ends(index: Index, score: str) -> tuple[float | None, float | None]:
    if not score:
        return None, None

    def find() -> tuple[float | None, float | None]:
        values = index.score(score)
        known = values[~np.isnan(values)]
        return (finite(float(known.min())), finite(float(known.max()))) if len(known) else (None, None)

    return index.view.cached(("ends", index.digest, index.view.stages.get("score"), score), find)


def lines_of(
    index: Index, rows: npt.NDArray[np.integer], distances: Sequence[float | None], score: str
) -> Iterator[SceneLine]:
    """Scenes of these rows; `distances` are null where nothing is to be likened to."""
    ids = index.ids.take(rows).to_pylist() if len(rows) else []
    clusters, logs, splits, labelled = index.clusters(), index.logs(), index.splits(), index.labelled
    scores = index.score(score)[rows] if score else np.full(len(rows), np.nan)
    attributes = [[_values(name, found) for found in index.attribute(name).of_rows(rows)] for name in index.attributes]
    values = zip(*attributes, strict=True) if attributes else ((),) * len(rows)
    told = zip(ids, rows.tolist(), distances, scores.tolist(), values, strict=True)
    for scene_id, row, distance, value, said in told:
        yield SceneLine(
            scene_id=scene_id,
            log_id=logs.of(row)[0],
            labelled=bool(labelled[row]),
            is_held_out=splits.of(row)[0] == HELD_OUT,
            score=finite(value),
            distance=distance,
            clusters=clusters.of(row) if clusters else (),
            values=said,
        )


@functools.lru_cache(1 << 12)
def _values(attribute: str, values: tuple[str, ...]) -> Values:
    """Made once for all scenes that have the same."""
    return Values(attribute, values)


def groups_of(index: Index) -> tuple[Group, ...]:
    """Clusters with their names, the named ones first, then the largest."""
    clusters = index.clusters()
    if clusters is None:
        return ()
    names = index.names()

    def make() -> tuple[Group, ...]:
        sizes = zip(clusters.values, clusters.counts(Mask(np.ones(index.n, dtype=bool))).tolist(), strict=True)
        found = (Group(name, names[name].name if name in names else "", n) for name, n in sizes)
        return tuple(sorted(found, key=lambda group: (group.name == "", -group.n, group.cluster_id)))

    return index.view.cached(("cluster groups", index.view.digest, index.digest), make)
