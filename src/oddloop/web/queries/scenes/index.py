"""All scenes in the order of their ids, column by column: each is read once per coverage and kept in few bytes.

They are held as codes rather than asked of the Parquet files anew, since a search page counts every value of every
attribute: that takes a twentieth of the time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import row_of
from oddloop.ids import id_array
from oddloop.lake.footers import footer_of
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.rounds.discovery.lasting import clustered_as, read_lasting
from oddloop.rounds.discovery.names import Scenario, fold_names
from oddloop.rounds.state import DISCOVERY
from oddloop.tables import SCENES
from oddloop.web.queries.scenes.column import Bools, Column, column_of, memberships
from oddloop.web.store import View

Floats = npt.NDArray[np.float64]
VALUES, SCORES = "scene_values.parquet", "scene_scores.parquet"
POOL, HELD_OUT = "pool", "eval"
_NO_ATTRIBUTES = ("scene_id", "labelled")
T = TypeVar("T")


@dataclass(frozen=True)
class Index:
    """The scenes of the newest coverage.

    Attributes:
        view: the workspace.
        digest: names the coverage.
        folder: where its tables are.
        attributes: names, in the order of the taxonomy.
        scores: names of the scores that are known; none before scenes are scored.
    """

    view: View
    digest: str
    folder: Storage
    attributes: tuple[str, ...]
    scores: tuple[str, ...]

    @property
    def ids(self) -> pa.Array:
        """Scene ids, ascending."""
        return self._scenes["scene_id"].chunk(0)

    @property
    def n(self) -> int:
        """How many scenes there are."""
        return int(self._scenes.num_rows)

    @property
    def labelled(self) -> Bools:
        """(n,) whether a scene has labels."""
        return self._cached("labelled", lambda: self._scenes["labelled"].to_numpy())

    def folded(self) -> pa.Array:
        """Scene ids in lower case."""
        return self._cached("folded", lambda: pa.table({"": pc.utf8_lower(self.ids)})).column(0).chunk(0)

    def attribute(self, name: str) -> Column:
        """Values of an attribute."""
        return self._cached(("attribute", name), lambda: column_of(self._in_order(self._read(name))[name]))

    def logs(self) -> Column:
        """The log of each scene."""
        return self._cached("logs", lambda: self._of_lake("log_id", ""))

    def splits(self) -> Column:
        """`pool` or `eval`."""
        return self._cached("splits", lambda: self._of_lake("split", POOL))

    def score(self, name: str, digest: str = "") -> Floats:
        """(n,) a score, by default of the newest model; NaN where it is not known or not valid."""
        digest = digest or self.view.stages.get("score", "")
        return self._cached(("score", digest, name), lambda: self._score(name, digest))

    def by_score(self, name: str, *, lowest_first: bool) -> npt.NDArray[np.int32]:
        """(n,) rows in the order of a score, what has none last, ties by id."""

        def make() -> npt.NDArray[np.int32]:
            values = self.score(name)
            return np.argsort(values if lowest_first else -values, kind="stable").astype(np.int32)

        return self._cached(("by score", self.view.stages.get("score"), name, lowest_first), make)

    def clusters(self) -> Column | None:
        """Clusters of scenes, by their lasting ids; None where nothing has been clustered."""
        event = clustered_as(self.view.events(DISCOVERY), self.view.stages.get("discover", ""))
        if event is None:
            return None

        def make() -> Column:
            members = read_lasting(self.view.workspace, event).members
            return memberships(self.ids, members["scene_id"], members["cluster_id"])

        return self._cached(("clusters", event.payload["digest"]), make)

    def names(self) -> dict[str, Scenario]:
        """What people say of clusters."""
        return self.view.cached(("names", self.view.digest), lambda: fold_names(self.view.events(DISCOVERY)))

    def row(self, scene_id: str) -> int | None:
        """Row of a scene; None where there is none."""
        ids = self.ids
        place = bisect_left(ids, scene_id, key=lambda id_: id_.as_py())
        return place if place < len(ids) and ids[place].as_py() == scene_id else None

    def rows_of(self, ids: pa.Array) -> tuple[npt.NDArray[np.int64], Bools]:
        """Row of each id, and whether there is one (else the row is 0); of all ids in order none is sought."""
        if ids.equals(self.ids):
            return np.arange(self.n), np.ones(self.n, dtype=bool)
        return row_of(self.ids, ids)

    @property
    def _scenes(self) -> pa.Table:
        def make() -> pa.Table:
            found = self._in_order(self._read("scene_id", "labelled")).combine_chunks()
            return pa.table({"scene_id": id_array(found["scene_id"]), "labelled": found["labelled"]})

        return self._cached("scenes", make)

    def _in_order(self, table: pa.Table) -> pa.Table:
        """Rows of the coverage's table in the order of their ids, in which it mostly is."""

        def find() -> npt.NDArray[np.int32]:
            ids = self._read("scene_id")["scene_id"].combine_chunks()
            is_sorted = pc.all(pc.less_equal(ids.slice(0, max(len(ids) - 1, 0)), ids.slice(1)), min_count=0).as_py()
            order = np.zeros(0) if is_sorted else pc.sort_indices(ids).to_numpy()
            return np.asarray(order, dtype=np.int32)

        order = self._cached("order", find)
        return table.take(order) if len(order) else table

    def _read(self, *columns: str) -> pa.Table:
        return self.folder.read_table(VALUES, list(columns))

    def _of_lake(self, name: str, otherwise: str) -> Column:
        table = read_table(self.view.workspace.table("scenes"), SCENES, ["scene_id", name])
        if name not in table.column_names:
            return column_of(pa.nulls(self.n, pa.string()).fill_null(otherwise))
        ids, values = id_array(table["scene_id"]), table[name].combine_chunks()
        in_order = values if ids.equals(self.ids) else values.take(pc.index_in(self.ids, value_set=ids))
        return column_of(pc.fill_null(in_order, otherwise))

    def _score(self, name: str, digest: str) -> Floats:
        folder = self.view.stage("score", digest) if digest else None
        if folder is None or name not in footer_of(folder, SCORES).names:
            return np.full(self.n, np.nan)
        table = folder.read_table(SCORES, ["scene_id", name, f"{name}_valid"])
        rows, found = self.rows_of(id_array(table["scene_id"]))
        is_valid = pc.fill_null(table[f"{name}_valid"], False).to_numpy(zero_copy_only=False)
        values = pc.fill_null(table[name].cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
        scores = np.full(self.n, np.nan)
        scores[rows[found]] = np.where(is_valid, values, np.nan)[found]
        return scores

    def _cached(self, key: Hashable, make: Callable[[], T]) -> T:
        return self.view.cached(("scenes", self.digest, key), make)


def open_index(view: View) -> Index | None:
    """The scenes of the newest coverage; None where nothing was counted yet."""
    folder = view.stage("coverage")
    if folder is None:
        return None
    digest = view.stages["coverage"]
    names = footer_of(folder, VALUES).names
    return Index(view, digest, folder, tuple(n for n in names if n not in _NO_ATTRIBUTES), score_names(view))


def score_names(view: View) -> tuple[str, ...]:
    """Scores of scenes that are known: those that also say whether they count."""
    folder = view.stage("score")
    if folder is None or not folder.exists(SCORES):
        return ()
    names = footer_of(folder, SCORES).names
    return tuple(name for name in names if f"{name}_valid" in names)
