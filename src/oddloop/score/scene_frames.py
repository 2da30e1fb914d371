"""The frames of a table of scores, grouped by scene and put in order of time; see `scenes` for what is made of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import SceneScoreConfig
from oddloop.errors import TableError
from oddloop.score import over_time
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.clock import SceneClock, seconds_in_scene
from oddloop.score.columns import VALID, with_valid
from oddloop.score.object_rate import PER_OBJECT, per_object
from oddloop.score.ragged import REDUCTIONS, reduce_groups

SEEN = "_seen_s"
"""Suffix of the time that a scene's valid frames hold."""
_TIMED: dict[str, tuple[str, Callable[[SceneClock, FloatArray, float], FloatArray]]] = {
    "time_above": ("time_above_s", over_time.seconds_above),
    "share_above": ("share_above", over_time.part_above),
    "longest_above": ("longest_above_s", over_time.longest_above),
    "change": ("change_per_s", lambda clock, x, _: over_time.mean_change(clock, x)),
    "trend": ("trend_per_s", lambda clock, x, _: over_time.slope(clock, x)),
}
"""Summaries that need frame times: the column's suffix, and the function."""


def needs_times(config: SceneScoreConfig) -> bool:
    """Whether a wanted summary needs frame times.

    >>> needs_times(SceneScoreConfig(summaries=("mean", "trend")))
    True
    """
    return any(name in _TIMED for name in config.summaries)


class SceneFrames:
    """The frames of a table of frame scores, by scene: found once, then used for one score column at a time.

    Attributes:
        needs_thresholds: whether a wanted summary needs a threshold.
    """

    def __init__(
        self, frames: pa.Table, config: SceneScoreConfig | None = None, timestamps_ns: pa.Array | None = None
    ) -> None:
        """Group the frames; arguments and errors as `summarize_scenes`, but `frames` needs no scores yet."""
        self._config = config or SceneScoreConfig()
        self._scene_ids, self._order, self._offsets = _group_frames(column_of(frames, "scene_id"))
        self._n_objects = column_of(frames, "n_objects")
        wanted = [name for name in self._config.summaries if name in _TIMED]
        self._timed = wanted if timestamps_ns is not None else []
        if timestamps_ns is not None and self._timed:
            self._clock = self._make_clock(timestamps_ns)
        self.needs_thresholds = any(name.endswith("_above") for name in self._timed)

    def counts(self) -> dict[str, pa.Array]:
        """The columns of `derived_tables.SCENE_SCORES`."""
        has_answer = self._n_objects.is_valid().to_numpy(zero_copy_only=False)[self._order]
        return {
            "scene_id": self._scene_ids,
            "n_frames_scored": pa.array(_differences(has_answer, self._offsets)),
            "n_objects_sum": pa.array(_differences(self._counts, self._offsets)),
        }

    def summarize(self, frame_scores: pa.Table, name: str, threshold: float | None = None) -> dict[str, pa.Array]:
        """The columns of one score.

        Args:
            frame_scores: holds the score column and its twin, in the order of the frames.
            name: the score column.
            threshold: its threshold; None or NaN: what needs one is not valid.
        """
        values = valid_values(frame_scores, name)[self._order]
        columns = self._of_frames(name, values)
        if self._timed:
            x = self._clock.at_instants(values)
            limit = float("nan") if threshold is None else threshold
            for how in self._timed:
                suffix, function = _TIMED[how]
                columns |= with_valid(f"{name}_{suffix}", function(self._clock, x, limit))
            columns[name + SEEN] = pa.array(over_time.seconds_seen(self._clock, x))
        return columns

    def _of_frames(self, name: str, values: FloatArray) -> dict[str, pa.Array]:
        """Columns that need no times, from (F,) values by scene, NaN = not valid."""
        wanted = [how for how in self._config.summaries if how in REDUCTIONS]
        found = reduce_groups(values, self._offsets, [*wanted, "n"], k=self._config.top_k, known_only=True)
        n = found.pop("n").astype(np.int64)
        columns: dict[str, pa.Array] = {}
        for how, reduced in found.items():
            columns |= with_valid(f"{name}_{how}", np.where(n > 0, reduced, np.nan))
        if "per_object" in self._config.summaries and name.endswith("_sum"):
            columns |= with_valid(name + PER_OBJECT, per_object(values, self._counts, self._offsets))
        return {**columns, f"{name}_n": pa.array(n)}

    @cached_property
    def _counts(self) -> IntArray:
        """(F,) objects of each frame, by scene."""
        counts: IntArray = pc.fill_null(self._n_objects, 0).to_numpy(zero_copy_only=False)[self._order]
        return counts

    def _make_clock(self, timestamps_ns: pa.Array) -> SceneClock:
        if len(timestamps_ns) != self._offsets[-1]:
            raise TableError(
                f"frame scores: {len(timestamps_ns):,} timestamps for {self._offsets[-1]:,} frames; give one for each"
            )
        known = timestamps_ns.is_valid().to_numpy(zero_copy_only=False)[self._order]
        times_ns = pc.fill_null(timestamps_ns, np.iinfo(np.int64).max).to_numpy(zero_copy_only=False)[self._order]
        times_s = np.where(known, seconds_in_scene(times_ns, self._offsets), np.nan)
        return SceneClock.of(times_s, self._offsets, self._config.pause_steps)


def _group_frames(scene_ids: pa.Array) -> tuple[pa.Array, npt.NDArray[np.integer] | slice, IntArray]:
    """Scene ids in order, an order of frames by scene (that keeps theirs), and each scene's bounds in it."""
    if scene_ids.null_count:
        raise TableError(f"frame scores: scene_id is null in {scene_ids.null_count:,} rows; run `oddloop check`")
    # Frames of a scene mostly stand together: then there is little to look up.
    runs = pc.run_end_encode(scene_ids.cast(pa.string()), run_end_type=pa.int64())
    encoded, ends = runs.values.dictionary_encode(), runs.run_ends.to_numpy()
    ranks = np.empty(len(encoded.dictionary), np.int64)
    by_name = pc.sort_indices(encoded.dictionary)
    ranks[by_name.to_numpy()] = np.arange(len(ranks))
    codes, lengths = ranks[encoded.indices.to_numpy()], np.diff(ends, prepend=0)
    ids = encoded.dictionary.take(by_name)
    if (codes[1:] > codes[:-1]).all():
        return ids, slice(None), np.concatenate([[0], ends])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(codes, lengths, len(ranks)).astype(np.int64))])
    return ids, np.argsort(np.repeat(codes, lengths), kind="stable"), offsets


def _differences(counts: npt.NDArray[np.generic], offsets: IntArray) -> IntArray:
    """Exact integer sums of each group."""
    return np.diff(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[offsets])


def column_of(table: pa.Table, name: str) -> pa.Array:
    """A column as one array.

    Raises:
        TableError: it is missing.
    """
    if name not in table.column_names:
        raise TableError(f"scores: column `{name}` is missing; there are: {', '.join(table.column_names)}")
    return table[name].combine_chunks()


def valid_values(frame_scores: pa.Table, name: str) -> FloatArray:
    """(F,) values, NaN where not valid."""
    values, valid = column_of(frame_scores, name).cast(pa.float64()), column_of(frame_scores, name + VALID)
    numbers: FloatArray = values.to_numpy(zero_copy_only=False)
    if valid.true_count == len(valid):
        return numbers
    return np.where(pc.fill_null(valid, False).to_numpy(zero_copy_only=False), numbers, np.nan)
