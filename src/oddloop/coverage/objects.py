"""Annotated objects to counts per scene and class, the columns `n_objects_<class>` that exposure sums up.

Time grows with the objects, memory with one batch of them plus scenes x classes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import read_column
from oddloop.tables import OBJECTS, UNKNOWN

N_OBJECTS = "n_objects_"
"""Columns of `scenes` of this prefix are counts of objects, one column per class."""
_KEY = ["scene_id", "category"]


def count_objects(batches: Iterable[pa.Table]) -> pa.Table:
    """Count the objects of each scene by class.

    Args:
        batches: rows of `tables.OBJECTS`, cut anywhere; a null category counts as `unknown`.

    Returns:
        scene_id and an int64 column `n_objects_<class>` per class found, sorted by both.

    >>> objects = pa.table({"scene_id": ["a", "a", "b"], "category": ["car", "car", "van"]})
    >>> count_objects([objects]).to_pydict()
    {'scene_id': ['a', 'b'], 'n_objects_car': [2, 0], 'n_objects_van': [0, 1]}
    """
    return combine_tallies(tally_objects(batch) for batch in batches)


def tally_objects(batch: pa.Table) -> pa.Table:
    """Count the objects of some rows; tallies of all rows are combined by `combine_tallies`.

    Args:
        batch: rows of `tables.OBJECTS`.

    Returns:
        scene_id, category (null where it was) and int64 `n`, one row per pair.

    >>> tally_objects(pa.table({"scene_id": ["a", "a"], "category": ["car", "car"]})).to_pylist()
    [{'scene_id': 'a', 'category': 'car', 'n': 2}]
    """
    columns = {name: read_column(batch, name, "objects").cast(pa.string()) for name in _KEY}
    return _sum(pa.table({**columns, "n": pa.array(np.ones(batch.num_rows, np.int64))}))


def combine_tallies(tallies: Iterable[pa.Table]) -> pa.Table:
    """Add up what `tally_objects` gives for the parts of a table, in whatever order; returns as `count_objects`.

    >>> parts = [tally_objects(pa.table({"scene_id": ["a"], "category": [c]})) for c in ("car", "car", "van")]
    >>> combine_tallies(parts).to_pylist()
    [{'scene_id': 'a', 'n_objects_car': 2, 'n_objects_van': 1}]
    """
    none = OBJECTS.empty().select(_KEY).append_column("n", pa.array([], pa.int64()))
    counts = _sum(pa.concat_tables([none, *tallies]).combine_chunks())
    scenes = pc.unique(counts["scene_id"]).sort()
    classes = pc.unique(pc.fill_null(counts["category"], UNKNOWN)).sort()
    rows = pc.index_in(counts["scene_id"], value_set=scenes).to_numpy()
    places = pc.index_in(pc.fill_null(counts["category"], UNKNOWN), value_set=classes).to_numpy()
    cells = np.zeros((len(scenes), len(classes)), np.int64)
    np.add.at(cells, (rows, places), counts["n"].to_numpy())
    return pa.table({"scene_id": scenes, **{f"{N_OBJECTS}{c}": cells[:, i] for i, c in enumerate(classes.to_pylist())}})


def add_object_counts(scenes: pa.Table, counts: pa.Table) -> pa.Table:
    """Scenes with the columns of `count_objects`: 0 where a scene has no objects, instead of own columns of that name.

    >>> counts = pa.table({"scene_id": ["b"], "n_objects_van": [1]})
    >>> add_object_counts(pa.table({"scene_id": ["a", "b"]}), counts)["n_objects_van"].to_pylist()
    [0, 1]
    """
    ids = read_column(scenes, "scene_id", "scenes").cast(pa.string())
    place = pc.index_in(ids, value_set=counts["scene_id"].combine_chunks().cast(pa.string()))
    for name in counts.column_names[1:]:
        column = pc.fill_null(counts[name].combine_chunks().take(place), 0)
        scenes = scenes.drop_columns(name) if name in scenes.column_names else scenes
        scenes = scenes.append_column(name, column)
    return scenes


def _sum(counts: pa.Table) -> pa.Table:
    summed = counts.group_by(["scene_id", "category"], use_threads=False).aggregate([("n", "sum")])
    return summed.rename_columns({"n_sum": "n"}).select(["scene_id", "category", "n"])
