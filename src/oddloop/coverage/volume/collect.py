"""What to do about gaps of volume: the fewest scenes of the pool to label, then the fewest drives to plan.

Time and memory grow with the memberships of the pool's scenes in the segments that lack something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import FloatArray, IntArray, read_codes, read_numbers
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.measures.drives import Drive, plan_drives
from oddloop.coverage.measures.greedy import choose_scenes
from oddloop.coverage.segments import iterate_groupings, name_segments
from oddloop.coverage.status import status_of_scenes

CHOSEN = pa.schema(
    [
        pa.field("rank", pa.int64(), metadata={"meaning": "1 closes most"}),
        pa.field("scene_id", pa.string(), metadata={"meaning": "scene of the pool"}),
        pa.field("gain", pa.float64(), metadata={"meaning": "shortfall that it closes, summed over its segments"}),
        pa.field("segments", pa.list_(pa.string()), metadata={"meaning": "segments with a shortfall that it is in"}),
    ]
)


@dataclass(frozen=True, eq=False)
class Collection:
    """A list of scenes and drives that closes gaps of volume.

    Attributes:
        scenes: rank, scene_id, gain, segments; best first, any prefix is the list for a smaller number.
        drives: conditions to drive in, best first; each drive brings `per_drive` to the segments that it matches.
        remaining: what no listed scene or drive closes, by segment_id.
    """

    scenes: pa.Table
    drives: tuple[Drive, ...]
    remaining: dict[str, float]


def collect(
    scenes: pa.Table,
    labelled_scene_ids: pa.Array,
    encoded: Encoded,
    gaps: pa.Table,
    *,
    most_scenes: int | None = None,
    most_drives: int = 20,
    per_drive: float = 1.0,
) -> Collection:
    """List the fewest scenes, and then the fewest drives, that close the most shortfall.

    Args:
        scenes: rows of `tables.SCENES`.
        labelled_scene_ids: ids of the scenes that have labels; they, and held-out scenes, cannot be chosen.
        encoded: the attributes of these scenes, in the same order.
        gaps: `derived_tables.VOLUME_GAPS`; all rows are of one exposure.
        most_scenes: scenes at most; None: as many as close something.
        most_drives: drives at most.
        per_drive: exposure that one drive brings to each segment that it matches, above 0.

    Raises:
        TableError: a column is missing.
        ValueError: `per_drive` is not above 0, or `encoded` is of another number of scenes.
    """
    if not per_drive > 0 or encoded.n_scenes != scenes.num_rows:
        raise ValueError(f"per_drive must be above 0, and all {scenes.num_rows} scenes encoded; got {per_drive}")
    open_gaps = gaps.filter(pc.greater(gaps["shortfall"], 0.0))
    names = open_gaps["segment_id"].to_pylist()
    pool = np.flatnonzero(status_of_scenes(scenes, labelled_scene_ids) == 1)
    offsets, cells = _memberships(encoded.take(pool), names)
    exposure = _exposure(scenes, open_gaps)[pool]
    chosen = choose_scenes(offsets, cells, exposure, np.array(open_gaps["shortfall"]), most=most_scenes)
    ids = scenes["scene_id"].combine_chunks().cast(pa.string())
    table = pa.table(
        [
            np.arange(1, len(chosen.scenes) + 1),
            ids.take(pa.array(pool[chosen.scenes])),
            chosen.gains,
            pa.array([[names[c] for c in cells[offsets[s] : offsets[s + 1]]] for s in chosen.scenes], CHOSEN.types[3]),
        ],
        schema=CHOSEN,
    )
    pairs = zip(open_gaps["attributes"].to_pylist(), open_gaps["values"].to_pylist(), strict=True)
    wanted = [dict(zip(a, v, strict=True)) for a, v in pairs]
    # What the pool still holds needs no drive, even where `most_scenes` leaves it unlabelled.
    to_drive = np.minimum(chosen.remaining, np.array(open_gaps["to_drive"]))
    drives = plan_drives(wanted, (to_drive / per_drive).tolist(), most=most_drives)
    driven = np.array([sum(i in d.closes for d in drives) for i in range(len(names))]) * per_drive
    left = np.maximum(chosen.remaining - driven, 0.0)
    return Collection(table, drives, {n: float(x) for n, x in zip(names, left, strict=True) if x > 0})


def _memberships(encoded: Encoded, names: list[str]) -> tuple[IntArray, IntArray]:
    """(N+1,) bounds and (M,) places among `names`: the named segments that each scene is in."""
    place = {name: i for i, name in enumerate(names)}
    ways = max((name.count(" & ") + 1 for name in names), default=0)
    scenes, cells = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for grouping in iterate_groupings(encoded, ways):
        found = name_segments(grouping)["segment_id"].to_pylist()
        of_segment = np.array([place.get(name, -1) for name in found], np.int64)
        if (of_segment >= 0).any():
            cell = of_segment[grouping.segments]
            kept = np.flatnonzero(cell >= 0)
            scenes.append(grouping.spread(np.arange(encoded.n_scenes))[kept])
            cells.append(cell[kept])
    scene, cell = np.concatenate(scenes), np.concatenate(cells)
    order = np.argsort(scene, kind="stable")
    return np.searchsorted(scene[order], np.arange(encoded.n_scenes + 1)), cell[order]


def _exposure(scenes: pa.Table, gaps: pa.Table) -> FloatArray:
    """(N,) what each scene adds; a log counts once, so its scenes add a part each."""
    name = gaps["exposure"][0].as_py() if gaps.num_rows else "n_scenes"
    if name == "n_scenes":
        return np.ones(scenes.num_rows)
    if name == "n_logs":
        logs, log = read_codes(scenes, "log_id", "scenes")
        return 1.0 / np.maximum(np.bincount(log, minlength=len(logs))[log], 1)
    return np.nan_to_num(read_numbers(scenes, name, "scenes"))
