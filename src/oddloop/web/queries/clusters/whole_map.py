"""Where all scenes lie on the map, held in memory: asking the files takes ten times as long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles
from oddloop.report.cards_map import by_innermost
from oddloop.rounds.discovery import last_clustered
from oddloop.rounds.state import DISCOVERY
from oddloop.web.store import View

DISCOVER, MAP_FILE = "discover", "scene_map.parquet"
MEMBERS_FILE, CLUSTERS_FILE = "cluster_members.parquet", "clusters.parquet"
_MARGIN = 0.02
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """All n scenes of a map that have a place, in 24 bytes each; those that lie near each other stand near each other.

    Attributes:
        order: (n,) place of each scene in the file.
        x, y: (n,) places; y points up.
        clusters: ids of clusters in their own run.
        cluster: (n,) place among `clusters` of the smallest cluster that each scene is in; -1: none.
    """

    order: npt.NDArray[np.int32]
    x: Floats
    y: Floats
    clusters: tuple[str, ...]
    cluster: npt.NDArray[np.int32]


@dataclass(frozen=True)
class WholeMap:
    """The whole map: its folder, its scenes, and (2,) ends with a margin around them."""

    folder: Storage
    places: Places
    low: Floats
    high: Floats

    @property
    def n_scenes(self) -> int:
        """How many scenes have a place."""
        return len(self.places.x)

    def scene_ids(self) -> pa.Array:
        """(n,) ids of the scenes, in the order of the file; read anew, since few ask and they take much room."""
        return _finite(self.folder.read_table(MAP_FILE, ["scene_id", "x", "y"]))["scene_id"].combine_chunks()

    def is_marked(self, view: View, members: TableFiles, cluster_id: str) -> npt.NDArray[np.bool_]:
        """(n,) whether each place's scene is in a cluster: they may be nested, and the map names one of each scene."""

        def read() -> npt.NDArray[np.bool_]:
            mine = view.query("SELECT scene_id FROM m WHERE cluster_id = ?", [cluster_id], m=members)["scene_id"]
            found: npt.NDArray[np.bool_] = pc.is_in(self.scene_ids(), value_set=mine.combine_chunks()).to_numpy(
                zero_copy_only=False
            )
            return found[self.places.order]

        return view.cached(("marked", self.folder.root, members.storage.root, cluster_id), read)

    def rows_within(self, low: Floats, high: Floats) -> npt.NDArray[np.int64]:
        """Rows of the scenes in a rectangle, in the order of the file."""
        x, y = self.places.x, self.places.y
        rows = np.flatnonzero((x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1]))
        return rows[np.argsort(self.places.order[rows])]

    def places_of(self, rows: npt.NDArray[np.int64]) -> Floats:
        """(r,2) places of scenes."""
        return np.stack([self.places.x[rows], self.places.y[rows]], axis=1)


def read_whole_map(view: View) -> WholeMap | None:
    """The map of the newest discovery; None before the first one, or where no scene has a place."""
    head = last_clustered(view.events(DISCOVERY))
    folder = view.stage(DISCOVER, str(head.payload["discover_digest"])) if head else None
    if folder is None or not folder.exists(MAP_FILE):
        return None
    places = _read_places(view, folder)
    if not len(places.x):
        return None
    start, end = np.array([places.x.min(), places.y.min()]), np.array([places.x.max(), places.y.max()])
    span = np.where(end > start, end - start, 1.0)
    return WholeMap(folder, places, start - _MARGIN * span, start + (1 + _MARGIN) * span)


def _read_places(view: View, folder: Storage) -> Places:
    def read() -> Places:
        members = folder.read_table(MEMBERS_FILE)
        clusters = folder.read_table(CLUSTERS_FILE, ["cluster_id", "n_scenes"]).to_pylist()
        table = by_innermost(_finite(folder.read_table(MAP_FILE)), members, clusters)
        coded = table["cluster_id"].combine_chunks().cast(pa.string()).dictionary_encode()
        cluster = pc.fill_null(coded.indices, -1).to_numpy().astype(np.int32)
        x, y = table["x"].to_numpy(), table["y"].to_numpy()
        order = near_each_other(x, y)
        return Places(order, x[order], y[order], tuple(coded.dictionary.to_pylist()), cluster[order])

    return view.cached(("places", folder.root), read)


def near_each_other(x: Floats, y: Floats) -> npt.NDArray[np.int32]:
    """Order of places along quadrants within quadrants (Morton 1966), so that a picture is drawn piece by piece.

    >>> near_each_other(np.array([0.0, 9.0, 0.1, 9.0]), np.array([0.0, 9.0, 0.1, 0.0])).tolist()
    [0, 2, 3, 1]
    """
    key = _spread(x) | _spread(y) << np.uint16(1)
    return np.argsort(key, kind="stable").astype(np.int32)


def _spread(values: Floats) -> npt.NDArray[np.uint16]:
    """Which of 256 equal steps each value is in, its bits two apart."""
    span = np.ptp(values) if len(values) else 0.0
    shares = (values - values.min(initial=np.inf)) / (span or 1.0)
    steps: npt.NDArray[np.uint16] = np.minimum(shares * 256, 255).astype(np.uint16)
    for shift, mask in ((4, 0x0F0F), (2, 0x3333), (1, 0x5555)):
        steps |= steps << np.uint16(shift)
        steps &= np.uint16(mask)
    return steps


def _finite(table: pa.Table) -> pa.Table:
    return table.filter(pc.and_(pc.is_finite(table["x"]), pc.is_finite(table["y"])))
