"""The map of all scenes: dots where there are few in sight, a picture of how dense they lie where there are many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, model_validator

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles
from oddloop.report.palette import cluster_colour
from oddloop.rounds.discovery.names import STATUSES
from oddloop.web.paging import Asked
from oddloop.web.queries.clusters.found import Found, lasting_ids, members_file, read_found
from oddloop.web.store import View

MAX_DOTS = 20_000
"""Scenes in sight that are drawn one by one."""
MAX_COLOURED = 200
"""Clusters that have a colour, at most: the first ones in order."""
DISCOVER, MAP_FILE = "discover", "scene_map.parquet"
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Share = Annotated[float, Field(ge=0, le=1)]


class MapAsked(Asked):
    """Which part of the map, as shares of its width and height from the left and the top, and what colours say."""

    colour: Annotated[Literal["cluster", "status"], Field(description="what colours say")] = "cluster"
    mark: Annotated[str, Field(pattern=r"^(c\d{1,9})?$", description="colour the scenes of this cluster alone")] = ""
    left: Share = 0.0
    right: Share = 1.0
    top: Share = 0.0
    bottom: Share = 1.0

    @model_validator(mode="after")
    def _has_an_area(self) -> MapAsked:
        if self.right - self.left < 1e-6 or self.bottom - self.top < 1e-6:
            raise ValueError("right must be more than left, and bottom more than top")
        return self


@dataclass(frozen=True)
class Colour:
    """What a colour stands for: a cluster, or a status; `n_scenes` of it are in sight.

    `place` is its place among all clusters or statuses, and `paint` its colour, which repeats.
    """

    key: str
    name: str
    n_scenes: int
    place: int
    paint: str


@dataclass(frozen=True)
class SceneMap:
    """A part of the map.

    Where no more than 20,000 scenes are in sight, `x` and `y` are their places as shares of the part's width and
    height, from the left and the bottom, and `colour` the place of each in `colours`, -1 for none; else they are empty,
    and `is_dense`: the picture `map.png` beside it shows them.
    """

    n_scenes: int
    n_in_sight: int
    is_dense: bool
    colours: tuple[Colour, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    colour: tuple[int, ...]


@dataclass(frozen=True)
class Sight:
    """Scenes in sight.

    Attributes:
        xy: (n,2) places as shares of the part, from the left and the bottom.
        colour: (n,) place in `keys`; -1: none.
        keys: clusters or statuses, those that matter most first.
        names: what they are called.
        n_scenes: scenes on the whole map.
    """

    xy: Floats
    colour: Ints
    keys: tuple[str, ...]
    names: Mapping[str, str]
    n_scenes: int

    @property
    def is_dense(self) -> bool:
        """Whether they are too many to be drawn one by one."""
        return len(self.xy) > MAX_DOTS


def read_map(view: View, asked: MapAsked) -> SceneMap:
    """A part of the map as numbers."""
    sight = read_sight(view, asked)
    n = len(sight.xy)
    count = np.bincount(sight.colour[sight.colour >= 0], minlength=len(sight.keys)).tolist()
    colours = tuple(
        Colour(key, sight.names.get(key, ""), count[i], i, cluster_colour(i))
        for i, key in enumerate(sight.keys)
        if count[i]
    )
    place = np.cumsum(np.array(count, dtype=np.int64) > 0) - 1
    shown = np.round(sight.xy[: 0 if sight.is_dense else n], 4)
    colour = np.append(place, -1)[sight.colour[: len(shown)]]
    x, y = (tuple(values.tolist()) for values in shown.T)
    return SceneMap(sight.n_scenes, n, sight.is_dense, colours, x, y, tuple(colour.tolist()))


def read_sight(view: View, asked: MapAsked) -> Sight:
    """The scenes in a part of the map; none before the first discovery."""
    found = read_found(view)
    folder = view.stage(DISCOVER, str(found.head.payload["discover_digest"])) if found.head else None
    places = _read_places(view, folder) if folder and folder.exists(MAP_FILE) else None
    if found.head is None or folder is None or places is None or not len(places.x):
        return Sight(np.empty((0, 2)), np.empty(0, np.int64), (), {}, 0)
    low, high = _ends(places, asked)
    rows = np.flatnonzero(_is_within(places.x, low[0], high[0]) & _is_within(places.y, low[1], high[1]))
    shares = (np.stack([places.x[rows], places.y[rows]], axis=1) - low) / (high - low)
    members = members_file(view, found.head) if asked.mark else None
    if members:
        is_marked = _read_marked(view, folder, members, asked.mark)[rows]
        said = {asked.mark: found.said_of(asked.mark).name}
        return Sight(shares, np.where(is_marked, 0, -1), (asked.mark,), said, len(places.x))
    keys, code_of, names = _colours(found, lasting_ids(view, found.head) or {}, asked)
    codes = np.array([*(code_of.get(own, -1) for own in places.clusters), -1])
    return Sight(shares, codes[places.cluster[rows]], keys, names, len(places.x))


@dataclass(frozen=True)
class _Places:
    """All scenes of a map that have a place, held in 20 bytes each: asking the files takes ten times as long.

    Attributes:
        x, y: (n,) places.
        clusters: ids of clusters in their own run.
        cluster: (n,) place of each scene's cluster among `clusters`; -1: none.
    """

    x: Floats
    y: Floats
    clusters: tuple[str, ...]
    cluster: npt.NDArray[np.int32]


def _read_places(view: View, folder: Storage) -> _Places:
    def read() -> _Places:
        table = _finite(folder.read_table(MAP_FILE, ["x", "y", "cluster_id"]))
        coded = table["cluster_id"].combine_chunks().cast(pa.string()).dictionary_encode()
        cluster = pc.fill_null(coded.indices, -1).to_numpy().astype(np.int32)
        return _Places(table["x"].to_numpy(), table["y"].to_numpy(), tuple(coded.dictionary.to_pylist()), cluster)

    return view.cached(("places", folder.root), read)


def _read_marked(view: View, folder: Storage, members: TableFiles, cluster_id: str) -> npt.NDArray[np.bool_]:
    """(n,) whether each scene of the map is in a cluster: they may be nested, and the map names one of each scene."""

    def read() -> npt.NDArray[np.bool_]:
        mine = view.query("SELECT scene_id FROM m WHERE cluster_id = ?", [cluster_id], m=members)["scene_id"]
        table = _finite(folder.read_table(MAP_FILE, ["scene_id", "x", "y"]))
        found: npt.NDArray[np.bool_] = pc.is_in(table["scene_id"], value_set=mine.combine_chunks()).to_numpy()
        return found

    return view.cached(("marked", folder.root, members.storage.root, cluster_id), read)


def _finite(table: pa.Table) -> pa.Table:
    return table.filter(pc.and_(pc.is_finite(table["x"]), pc.is_finite(table["y"])))


def _is_within(values: Floats, low: float, high: float) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = (values >= low) & (values <= high)
    return found


def _ends(places: _Places, asked: MapAsked) -> tuple[Floats, Floats]:
    """(2,) lower and upper ends of the part; y points up, and what is asked for is counted from the top."""
    start = np.array([places.x.min(), places.y.min()])
    end = np.array([places.x.max(), places.y.max()])
    span = np.where(end > start, end - start, 1.0)
    margin = 0.02 * span
    start, span = start - margin, span + 2 * margin
    return start + span * [asked.left, 1 - asked.bottom], start + span * [asked.right, 1 - asked.top]


def _colours(
    found: Found, lasting: Mapping[str, str], asked: MapAsked
) -> tuple[tuple[str, ...], dict[str, int], dict[str, str]]:
    """Keys of the colours, the place of each run's own cluster id among them, and what the keys are called."""
    if asked.colour == "status":
        code_of = {own: STATUSES.index(found.said_of(id_).status) for own, id_ in lasting.items()}
        return STATUSES, code_of, {}
    keys = tuple(found.ids[:MAX_COLOURED])
    place = {key: i for i, key in enumerate(keys)}
    code_of = {own: place[id_] for own, id_ in lasting.items() if id_ in place}
    return keys, code_of, {key: found.said_of(key).name for key in keys}
