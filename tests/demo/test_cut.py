"""Cutting: nothing lost, nothing too short or too long, no holes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.demo import Fleet
from oddloop.demo.cut import cut_lengths


@given(st.integers(0, 5_000), st.integers(1, 40), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_drive_is_cut_without_a_rest(n_frames: int, shortest: int, more: int, seed: int) -> None:
    longest = 2 * shortest + more
    lengths = cut_lengths(n_frames, shortest, longest, np.random.default_rng(seed))
    if n_frames < shortest:
        assert len(lengths) == 0
    else:
        assert lengths.sum() == n_frames
        assert lengths.min() >= shortest
        assert lengths.max() <= longest


def test_lengths_vary() -> None:
    assert len(np.unique(cut_lengths(2_000, 16, 50, np.random.default_rng(0)))) > 10


def test_a_drive_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="11 frames cannot be cut into scenes of 8 to 10 frames"):
        cut_lengths(11, 8, 10, np.random.default_rng(0))


def test_scenes_of_a_drive_follow_each_other(small: Fleet) -> None:
    scenes = pq.read_table(small.folder / "lake" / "scenes").to_pylist()
    for before, after in pairwise(scenes):
        if before["scene_id"].rsplit("-", 1)[0] == after["scene_id"].rsplit("-", 1)[0]:
            assert after["start_ns"] == before["start_ns"] + round(before["duration_s"] * 1e9)


def test_scenes_take_8_to_25_seconds_and_their_frames_fill_them(small: Fleet) -> None:
    scenes = pq.read_table(small.folder / "lake" / "scenes")
    frames = pq.read_table(small.folder / "lake" / "frames")
    duration_s, n_frames = scenes["duration_s"].to_numpy(), scenes["n_frames"].to_numpy()
    assert duration_s.min() >= 8.0
    assert duration_s.max() <= 25.0
    np.testing.assert_allclose(n_frames * small.settings.period_s, duration_s)
    counted = dict(frames.group_by("scene_id").aggregate([("frame_id", "count")]).to_pydict().items())
    found = dict(zip(counted["scene_id"], counted["frame_id_count"], strict=True))
    assert found == dict(zip(scenes["scene_id"].to_pylist(), n_frames.tolist(), strict=True))


def test_every_log_has_scenes_of_several_drives(small: Fleet) -> None:
    scene_ids = pq.read_table(small.folder / "lake" / "scenes")["scene_id"].to_pylist()
    drives = {scene_id.rsplit("-", 1)[0] for scene_id in scene_ids}
    assert len({drive.rsplit("-", 1)[0] for drive in drives}) == small.n_logs
    assert len(drives) >= 2 * small.n_logs
