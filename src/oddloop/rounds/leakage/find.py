"""Scenes to train on that are of the log, of the time, or nearly the same as a held-out scene.

Each finder names, for every scene to train on that is concerned, one held-out scene as its witness. Time grows as
n log n with the scenes, memory with the scenes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
_NS_PER_S = 1e9
_FARTHEST_NS, _LONGEST_S = 4 * 10**18, 1e9
"""Times are cut at about the years 1843 and 2096, lengths at 30 years, so that no sum of them leaves int64."""


@dataclass(frozen=True)
class Leak:
    """What one rule found.

    Attributes:
        rule: `logs`, `neighbours` or `near_duplicates`.
        training: (N,) scene ids to train on, in their order.
        held_out: (N,) for each the held-out scene that it is too close to.
    """

    rule: str
    training: pa.Array
    held_out: pa.Array

    def __len__(self) -> int:
        return len(self.training)

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`, every pair in it."""
        pairs = zip(self.training.to_pylist(), self.held_out.to_pylist(), strict=True)
        return {"rule": self.rule, "n_scenes": len(self), "pairs": [list(pair) for pair in pairs]}


def find_shared_logs(training: pa.Table, held_out: pa.Table) -> Leak:
    """Scenes of a log that also has held-out scenes.

    Args:
        training: `scene_id` and `log_id` of the scenes to train on; a null log is no log.
        held_out: the same of the held-out scenes.

    >>> scenes = pa.table({"scene_id": ["a", "b", "c"], "log_id": ["l", "m", "m"]})
    >>> find_shared_logs(scenes.slice(0, 2), scenes.slice(2)).training.to_pylist()
    ['b']
    """
    return _matched("logs", training, held_out, _column(training, "log_id"), _column(held_out, "log_id"))


def find_copies(training: pa.Table, held_out: pa.Table, near_duplicates: pa.Table, cosine: float) -> Leak:
    """Scenes that one and the same scene stands for as for a held-out scene.

    Args:
        training: `scene_id` of the scenes to train on.
        held_out: the same of the held-out scenes.
        near_duplicates: `derived_tables.NEAR_DUPLICATES`.
        cosine: rows of it below are passed over.
    """
    alike = near_duplicates.filter(pc.greater_equal(near_duplicates["cosine"], cosine)).combine_chunks()
    return _matched("near_duplicates", training, held_out, _stand_in(training, alike), _stand_in(held_out, alike))


def find_neighbours(training: pa.Table, held_out: pa.Table, gap_s: float) -> Leak:
    """Scenes of one log, or one vehicle, with less than a gap of time between them.

    Args:
        training: `scene_id`, `log_id`, `start_ns`, `duration_s` and, where known, `vehicle_id`.
        held_out: the same.
        gap_s: longest time between the end of the one and the start of the other, in s; 0: they overlap or touch.

    Returns:
        one witness per scene. A scene without a start or a finite duration is passed over.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["l", "m"], "vehicle_id": ["v", "v"],
    ...     "start_ns": [0, 12 * 10**9], "duration_s": [10.0, 10.0]})
    >>> [len(find_neighbours(scenes.slice(0, 1), scenes.slice(1), gap_s)) for gap_s in (1.9, 2.0)]
    [0, 1]
    """
    witness = np.full(training.num_rows, -1, np.int64)
    for name in ("log_id", "vehicle_id"):
        if name in training.column_names and name in held_out.column_names:
            found = _close_in_time(training, held_out, name, round(min(gap_s, _LONGEST_S) * _NS_PER_S))
            witness = np.where(witness < 0, found, witness)
    return _leak("neighbours", training, held_out, witness)


def _close_in_time(training: pa.Table, held_out: pa.Table, name: str, gap_ns: int) -> Ints:
    """(N,) row of a held-out scene of the same group near each scene; -1: none.

    Of the held-out scenes that begin before a scene's end (and the gap), the one that ends last is near, or none is.
    """
    values = pc.unique(_column(held_out, name)).drop_null()
    start, end, group = _intervals(held_out, name, values)
    asked_start, asked_end, asked_group = _intervals(training, name, values)
    order = np.lexsort((start, group))[np.count_nonzero(group < 0) :]
    if not len(order):
        return np.full(training.num_rows, -1, np.int64)
    start, end, group = start[order], end[order], group[order]
    last = _running_last(end, group)
    limit = asked_end + gap_ns
    # Group and time become one number each, by the place of the time among all times.
    times, place = np.unique(np.concatenate([start, limit]), return_inverse=True)
    keys, asked = group * len(times) + place[: len(start)], asked_group * len(times) + place[len(start) :]
    before = np.searchsorted(keys, asked, side="right") - 1
    candidate = last[np.maximum(before, 0)]
    is_near = (before >= 0) & (asked_group >= 0) & (group[candidate] == asked_group)
    is_near &= end[candidate] >= asked_start - gap_ns
    return np.where(is_near, order[candidate], -1)


def _running_last(end: Ints, group: Ints) -> Ints:
    """(N,) row of the latest end so far within the group; rows are sorted by group."""
    by_end = np.argsort(end, kind="stable")
    rank = np.empty(len(end), np.int64)
    rank[by_end] = np.arange(len(end))
    highest = np.maximum.accumulate(group * len(end) + rank)  # a later group's numbers are all higher
    last: Ints = by_end[highest % len(end)]
    return last


def _intervals(scenes: pa.Table, name: str, values: pa.Array) -> tuple[Ints, Ints, Ints]:
    """(N,) start and end in ns, and group: the place of the value among `values`, -1 for none or an unknown time."""
    group = pc.fill_null(pc.index_in(_column(scenes, name), value_set=values), -1).to_numpy(zero_copy_only=False)
    start = _column(scenes, "start_ns")
    duration_s = pc.fill_null(_column(scenes, "duration_s"), float("nan")).to_numpy(zero_copy_only=False)
    is_known = start.is_valid().to_numpy(zero_copy_only=False) & np.isfinite(duration_s)
    first = np.clip(pc.fill_null(start, 0).to_numpy(zero_copy_only=False), -_FARTHEST_NS, _FARTHEST_NS)
    length_s = np.clip(np.where(is_known, duration_s, 0.0), 0.0, _LONGEST_S)
    length_ns = (length_s * _NS_PER_S).round().astype(np.int64)
    return first, first + length_ns, np.where(is_known, group, -1).astype(np.int64)


def _stand_in(scenes: pa.Table, alike: pa.Table) -> pa.Array:
    """The scene that stands for each: itself, where no other does."""
    ids = _column(scenes, "scene_id").cast(pa.string())
    place = pc.index_in(ids, value_set=_column(alike, "scene_id").cast(pa.string()))
    return pc.coalesce(_column(alike, "representative_id").cast(pa.string()).take(place), ids)


def _matched(rule: str, training: pa.Table, held_out: pa.Table, mine: pa.Array, theirs: pa.Array) -> Leak:
    place = pc.index_in(mine, value_set=theirs.cast(mine.type), skip_nulls=True)
    return _leak(rule, training, held_out, pc.fill_null(place, -1).to_numpy(zero_copy_only=False))


def _leak(rule: str, training: pa.Table, held_out: pa.Table, witness: npt.NDArray[np.integer]) -> Leak:
    rows = pa.array(np.flatnonzero(witness >= 0))
    at = pa.array(witness[witness >= 0])
    return Leak(rule, _column(training, "scene_id").take(rows), _column(held_out, "scene_id").take(at))


def _column(table: pa.Table, name: str) -> pa.Array:
    combined = table[name].combine_chunks()
    return combined if isinstance(combined, pa.Array) else combined.chunk(0)
