"""The map of all scenes: dots where there are few in sight, a picture of how dense they lie where there are many."""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from oddloop.compiled import import_loops
from oddloop.report.palette import COLOURS, cluster_colour
from oddloop.rounds.discovery.names import STATUSES
from oddloop.web.paging import Asked
from oddloop.web.queries.clusters.colours import BY_CLUSTER, HOLLOW, Key, colours_known, paint
from oddloop.web.queries.clusters.found import Found, lasting_ids, members_file, read_found
from oddloop.web.queries.clusters.whole_map import WholeMap, read_whole_map
from oddloop.web.store import NothingThereError, View

MAX_DOTS = 20_000
"""Scenes in sight that are drawn one by one."""
MAX_COLOURED = 200
"""Clusters that have a colour, at most: the first ones in order."""
LOOPS = "oddloop.web.loops"
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_LEAST_SIDE = 1e-6
Share = Annotated[float, Field(ge=0, le=1)]


class MapAsked(Asked):
    """Which part of the map, as shares of its width and height from the left and the top, and what colours say."""

    colour: Annotated[
        str,
        Field(
            max_length=400,
            pattern=r"^(cluster|status|labelled|split|(attribute|score):.+)$",
            description="what colours say: one of `colours_known`, such as `cluster`, `split` or `attribute:rain`",
        ),
    ] = "cluster"
    mark: Annotated[str, Field(pattern=r"^(c\d{1,9})?$", description="colour the scenes of this cluster alone")] = ""
    left: Share = 0.0
    right: Share = 1.0
    top: Share = 0.0
    bottom: Share = 1.0


@dataclass(frozen=True)
class Colour(Key):
    """What a colour stands for; `n_scenes` of it are in sight, and `place` is its place among all keys."""

    n_scenes: int = 0
    place: int = 0


@dataclass(frozen=True)
class SceneMap:
    """A part of the map.

    Where no more than 20,000 scenes are in sight, `x` and `y` are their places as shares of the part's width and
    height, from the left and the bottom, and `colour` the place of each in `colours`, -1 for none; else they are empty,
    and `is_dense`: the picture `map.png` beside it shows them. `colours_known` is what may be asked for as `colour`;
    `n_coloured` of the scenes in sight have one.
    """

    n_scenes: int
    n_in_sight: int
    is_dense: bool
    colours_known: tuple[str, ...]
    colours: tuple[Colour, ...]
    n_coloured: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    colour: tuple[int, ...]


@dataclass(frozen=True)
class Sight:
    """A part of the map, and what colours say there.

    Attributes:
        whole: the whole map, of N scenes.
        low, high: (2,) ends of the part.
        label: (N,) what each scene is; -1: the last of `place`.
        place: (k,) place in `keys` by label; -1: none.
        keys: what colours stand for, those that matter most first.
    """

    whole: WholeMap
    low: Floats
    high: Floats
    label: npt.NDArray[np.int32]
    place: Ints
    keys: tuple[Key, ...]

    @functools.cached_property
    def counts(self) -> Ints:
        """(keys + 1,) scenes in sight by key; the last ones have none."""
        places, counts = self.whole.places, np.zeros(len(self.keys) + 1, dtype=np.int64)
        loops = import_loops(LOOPS)
        if loops is None:
            colour = self.dots()[1]
            return np.bincount(np.where(colour < 0, len(self.keys), colour), minlength=len(counts))
        loops.count_within(places.x, places.y, self.label, self.place, self.low, self.high, counts)
        return counts

    @property
    def n(self) -> int:
        """Scenes in sight."""
        return int(self.counts.sum())

    @property
    def is_dense(self) -> bool:
        """Whether they are too many to be drawn one by one."""
        return self.n > MAX_DOTS

    def dots(self) -> tuple[Floats, Ints]:
        """(n,2) places as shares of the part, from the left and the bottom, and (n,) place in `keys`; -1: none."""
        rows = self.whole.rows_within(self.low, self.high)
        return (self.whole.places_of(rows) - self.low) / (self.high - self.low), self.place[self.label[rows]]


def read_map(view: View, asked: MapAsked) -> SceneMap:
    """A part of the map as numbers."""
    sight, known = read_sight(view, asked), colours_known(view)
    if sight is None:
        return SceneMap(0, 0, False, known, (), 0, (), (), ())
    count = sight.counts[:-1].tolist()
    colours = tuple(Colour(**asdict(key), n_scenes=count[i], place=i) for i, key in enumerate(sight.keys) if count[i])
    place = np.append(np.cumsum(sight.counts[:-1] > 0) - 1, -1)
    xy, colour = (np.empty((0, 2)), np.empty(0, dtype=np.int64)) if sight.is_dense else sight.dots()
    x, y = (tuple(values.tolist()) for values in np.round(xy, 4).T)
    shown = tuple(place[colour].tolist())
    return SceneMap(sight.whole.n_scenes, sight.n, sight.is_dense, known, colours, sum(count), x, y, shown)


def read_sight(view: View, asked: MapAsked) -> Sight | None:
    """A part of the map; None before the first discovery.

    Raises:
        NothingThereError: the part has no area, or there is no such attribute or score to colour by.
    """
    if asked.right - asked.left < _LEAST_SIDE or asked.bottom - asked.top < _LEAST_SIDE:
        raise NothingThereError("there is no such part of the map: right must be more than left, and bottom than top")
    found, whole = read_found(view), read_whole_map(view)
    if found.head is None or whole is None:
        return None
    low, high = _ends(whole, asked)
    members = members_file(view, found.head) if asked.mark else None
    if members:
        is_marked = whole.is_marked(view, members, asked.mark).astype(np.int32)
        key = Key(asked.mark, found.said_of(asked.mark).name, "cluster", cluster_colour(0))
        return Sight(whole, low, high, is_marked, np.array([-1, 0]), (key,))
    if asked.colour not in BY_CLUSTER:
        painted = paint(view, asked.colour, whole)
        place = np.append(np.arange(len(painted.keys)), -1)
        return Sight(whole, low, high, painted.codes.astype(np.int32), place, painted.keys)
    keys, code_of = _colours(found, lasting_ids(view, found.head) or {}, asked)
    codes = np.array([*(code_of.get(own, -1) for own in whole.places.clusters), -1])
    return Sight(whole, low, high, whole.places.cluster, codes, keys)


def _ends(whole: WholeMap, asked: MapAsked) -> tuple[Floats, Floats]:
    """(2,) lower and upper ends of the part; y points up, and what is asked for is counted from the top."""
    span = whole.high - whole.low
    return whole.low + span * [asked.left, 1 - asked.bottom], whole.low + span * [asked.right, 1 - asked.top]


def _nearest(cluster_id: str, shown: Container[str], parents: Mapping[str, str | None]) -> str | None:
    """The cluster itself where it has a colour, else the smallest one around it that has."""
    around: str | None = cluster_id
    while around and around not in shown:
        around = parents.get(around)
    return around


def _colours(found: Found, lasting: Mapping[str, str], asked: MapAsked) -> tuple[tuple[Key, ...], dict[str, int]]:
    """Keys of the colours, and the place of each run's own cluster id among them."""
    if asked.colour == "status":
        code_of = {own: STATUSES.index(found.said_of(id_).status) for own, id_ in lasting.items()}
        return tuple(Key(status, "", "status", cluster_colour(i)) for i, status in enumerate(STATUSES)), code_of
    shown = found.ids[:MAX_COLOURED]
    place = {key: i for i, key in enumerate(shown)}
    parents = found.parents
    code_of = {own: place[near] for own, id_ in lasting.items() if (near := _nearest(id_, place, parents))}
    keys = (
        Key(id_, found.said_of(id_).name, "cluster", cluster_colour(i), i // len(COLOURS) % (HOLLOW + 1))
        for i, id_ in enumerate(shown)
    )
    return tuple(keys), code_of
