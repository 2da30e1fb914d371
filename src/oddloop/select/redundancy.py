"""What a scene is worth beside those that are labelled or picked: less in the same log, at the same time and place.

A scene's factor is (1 - log)^n for n labelled or picked scenes of its log, times 1 - time e^(-gap / time_s) for the
nearest in time of its vehicle, times 1 - place e^(-distance / place_m) for the nearest in place. It never rises while
scenes are picked, so whatever never rises itself may be multiplied by it in a lazy greedy. Likeness in vector space is
left to the policy. What is not known (no start, no position) takes nothing off.

Time: O(n log n) to begin; per pick the scenes of its log and those within `_REACH` kernel widths. Memory O(n).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import RedundancyConfig

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_REACH = 6.0
"""e^-6 = .0025: what lies farther apart takes nothing off."""
_EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (Moritz 2000, GRS 80)."""


@dataclass(frozen=True)
class Whereabouts:
    """When and where scenes are, row by row.

    Attributes:
        log: (n,) number of the log.
        vehicle: (n,) number of the log and vehicle whose scenes share a time line.
        start_s, end_s: (n,) s; NaN where not known.
        position_m: (n, 3) on a sphere of the earth's size, whose chords are distances for all that is near; NaN where
            not known.
    """

    log: Ints
    vehicle: Ints
    start_s: Floats
    end_s: Floats
    position_m: Floats

    @staticmethod
    def of(scenes: pa.Table) -> Whereabouts:
        """Of SCENES; columns that are not there are not known."""
        start = _numbers(scenes, "start_ns")
        first = np.nanmin(start) if np.isfinite(start).any() else 0.0
        start_s = (start - first) / 1e9
        logs = _text(scenes, "log_id")
        vehicles = pc.binary_join_element_wise(logs, _text(scenes, "vehicle_id"), "\0")
        angles = np.radians([_numbers(scenes, "latitude_deg"), _numbers(scenes, "longitude_deg")])
        end_s = start_s + np.nan_to_num(_numbers(scenes, "duration_s"))
        return Whereabouts(_codes(logs), _codes(vehicles), start_s, end_s, _on_sphere(*angles))


class Redundancy:
    """The factor of each row as picks are made.

    Attributes:
        factor: (n,) in [0, 1].

    >>> scenes = pa.table({"log_id": ["a", "a", "b"]})
    >>> redundancy = Redundancy(Whereabouts.of(scenes), np.zeros(3, bool), RedundancyConfig(log=0.5))
    >>> redundancy.add(0)
    >>> redundancy.factor.tolist()
    [0.5, 0.5, 1.0]
    """

    def __init__(self, at: Whereabouts, taken: Bools, config: RedundancyConfig) -> None:
        """Begin with rows that are labelled.

        Args:
            at: when and where all rows are.
            taken: (n,) rows that are labelled already.
            config: how much is lost.
        """
        self._at, self._taken, self._config, n = at, taken, config, len(at.log)
        self._logs, self._vehicles = _Groups(at.log), _Groups(at.vehicle)
        self._tree, self._placed = _tree(at.position_m, np.ones(n, dtype=bool))
        self._n_of_log = np.bincount(at.log[taken], minlength=n)[at.log].astype(np.float64)
        self._in_time = np.exp(-gap_to_nearest(at, taken) / config.time_s)
        self._in_place = np.exp(-_distance_to_nearest(at.position_m, taken) / config.place_m)
        self.factor = self._factor(np.arange(n))

    def copy(self) -> Redundancy:
        """The same, to go on from here without changing this one."""
        other = object.__new__(Redundancy)
        changing = ("factor", "_n_of_log", "_in_time", "_in_place")
        other.__dict__.update(self.__dict__, **{name: self.__dict__[name].copy() for name in changing})
        return other

    def part(self, rows: Ints) -> Redundancy:
        """That of some candidates beside the same labelled scenes, before any pick."""
        kept = np.concatenate([rows, np.flatnonzero(self._taken)])
        at = Whereabouts(*(getattr(self._at, field.name)[kept] for field in fields(Whereabouts)))
        at = replace(at, log=_renumbered(at.log), vehicle=_renumbered(at.vehicle))
        return Redundancy(at, self._taken[kept], self._config)

    def add(self, row: int) -> None:
        """Take note of a picked row."""
        if self._config.log:
            self._of_log(self._logs.of(row))
        if self._config.time:
            self._of_time(row, self._vehicles.of(row))
        if self._config.place and np.isfinite(self._at.position_m[row]).all():
            near = self._tree.query_ball_point(self._at.position_m[row], _REACH * self._config.place_m)
            self._of_place(row, self._placed[near])

    def _of_log(self, rows: Ints) -> None:
        self._n_of_log[rows] += 1
        self.factor[rows] = self._factor(rows)

    def _of_time(self, row: int, rows: Ints) -> None:
        at = self._at
        gap = np.maximum(at.start_s[rows] - at.end_s[row], at.start_s[row] - at.end_s[rows]).clip(min=0)
        self._in_time[rows] = np.fmax(self._in_time[rows], np.exp(-gap / self._config.time_s))
        self.factor[rows] = self._factor(rows)

    def _of_place(self, row: int, rows: Ints) -> None:
        distance = np.sqrt(((self._at.position_m[rows] - self._at.position_m[row]) ** 2).sum(axis=1))
        self._in_place[rows] = np.fmax(self._in_place[rows], np.exp(-distance / self._config.place_m))
        self.factor[rows] = self._factor(rows)

    def _factor(self, rows: Ints) -> Floats:
        config = self._config
        in_log = (1 - config.log) ** self._n_of_log[rows]
        factor: Floats = in_log * (1 - config.time * self._in_time[rows]) * (1 - config.place * self._in_place[rows])
        return factor


def gap_to_nearest(at: Whereabouts, taken: Bools) -> Floats:
    """(n,) s between each row and the nearest taken one of its vehicle, 0 where they overlap; infinite without one."""
    order = np.lexsort((at.start_s, at.vehicle))
    order = order[np.isfinite(at.start_s[order])]
    start, end, chosen = at.start_s[order], at.end_s[order], taken[order]
    # Vehicles follow each other on one line, so far apart that none is near another.
    span = 4.0 * (1.0 + np.abs(np.concatenate([start, end])).max(initial=0.0))
    line = at.vehicle[order] * span
    before = start + line - np.maximum.accumulate(np.where(chosen, end + line, -np.inf))
    after = np.minimum.accumulate(np.where(chosen, start + line, np.inf)[::-1])[::-1] - (end + line)
    gap = np.minimum(before, after).clip(min=0)
    found = np.full(len(at.log), np.inf)
    found[order] = np.where(gap > span / 2, np.inf, gap)
    return found


def _distance_to_nearest(position_m: Floats, taken: Bools) -> Floats:
    """(n,) m to the nearest taken row; infinite without one, and where a position is not known."""
    distance = np.full(len(position_m), np.inf)
    tree, placed = _tree(position_m, taken)
    here = np.flatnonzero(np.isfinite(position_m).all(axis=1))
    if len(placed):
        distance[here] = tree.query(position_m[here])[0]
    return distance


class _Groups:
    """Rows by group."""

    def __init__(self, group: Ints) -> None:
        self._group, self._order = group, np.argsort(group, kind="stable")
        self._starts = np.searchsorted(group[self._order], np.arange(group.max(initial=-1) + 2))

    def of(self, row: int) -> Ints:
        """The rows of a row's group, itself among them."""
        group = int(self._group[row])
        return self._order[self._starts[group] : self._starts[group + 1]]


def redundancy_of(
    scenes: pa.Table, candidate_rows: Ints, labelled_rows: Ints, config: RedundancyConfig
) -> Redundancy | None:
    """The redundancy of candidates beside labelled scenes, candidates first; None where nothing is taken off.

    Args:
        scenes: SCENES.
        candidate_rows: (n,) rows of `scenes` that may be picked, as the pool has them.
        labelled_rows: (m,) rows of `scenes` that have labels.
        config: how much is lost.
    """
    if not config:
        return None
    rows = np.concatenate([candidate_rows, labelled_rows])
    taken = np.arange(len(rows)) >= len(candidate_rows)
    return Redundancy(Whereabouts.of(scenes.take(pa.array(rows))), taken, config)


def _renumbered(codes: Ints) -> Ints:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _tree(position_m: Floats, among: Bools) -> tuple[Any, Ints]:
    from scipy.spatial import cKDTree  # here: slow to load

    placed = np.flatnonzero(among & np.isfinite(position_m).all(axis=1))
    return cKDTree(position_m[placed]), placed


def _on_sphere(latitude: Floats, longitude: Floats) -> Floats:
    across = np.cos(latitude)
    return _EARTH_RADIUS_M * np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], 1)


def _numbers(scenes: pa.Table, name: str) -> Floats:
    if name not in scenes.column_names:
        return np.full(scenes.num_rows, np.nan)
    return np.asarray(scenes[name].cast(pa.float64(), safe=False).to_numpy())


def _text(scenes: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in scenes.column_names:
        return pa.chunked_array([pa.array([""] * scenes.num_rows, pa.string())])
    return pc.fill_null(scenes[name].cast(pa.string()), "")


def _codes(texts: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    encoded = texts.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
