"""Histories: what the forecaster sees of the past, against plain loops."""

from __future__ import annotations

import numpy as np

from oddloop.demo.history import N_HISTORY, Tracks, index_tracks, padded_frames, past_motion


def random_tracks(seed: int, n_scenes: int = 3, n_agents: int = 4, n_frames: int = 12) -> Tracks:
    rng = np.random.default_rng(seed)
    grid = np.array(
        [(s, f, s * n_agents + a) for s in range(n_scenes) for f in range(n_frames) for a in range(n_agents)]
    )
    grid = grid[rng.random(len(grid)) < 0.7]
    n = len(grid)
    xy_m, heading = rng.uniform(-50, 50, (n, 2)), rng.uniform(-np.pi, np.pi, n)
    lamps = rng.random((n, 3)) < 0.3
    return index_tracks(grid[:, 0], grid[:, 1], grid[:, 2], xy_m, heading, np.ones(n, dtype=np.int64), lamps)


def test_past_motion_equals_a_loop() -> None:
    tracks = random_tracks(0)
    motion = past_motion(tracks, 0.5)
    where = {(t, f): i for i, (t, f) in enumerate(zip(tracks.track, tracks.frame, strict=True))}
    for i, (track, frame) in enumerate(zip(tracks.track, tracks.frame, strict=True)):
        rows = [where.get((track, frame - N_HISTORY + 1 + k)) for k in range(N_HISTORY)]
        assert [row is not None for row in rows] == motion.seen[i].tolist()
        seen = [(0.5 * (k - N_HISTORY + 1), row) for k, row in enumerate(rows) if row is not None]
        if len(seen) > 1:
            slopes = np.polyfit([s for s, _ in seen], tracks.xy_m[[row for _, row in seen]], 1)[0]
            np.testing.assert_allclose(motion.velocity_mps[i], slopes, atol=1e-9)
        for k, row in enumerate(rows):
            if row is not None:
                np.testing.assert_allclose(motion.offset_m[i, k], tracks.xy_m[row] - tracks.xy_m[i])


def test_straight_driving_gives_its_velocity_and_fills_gaps_on_the_line() -> None:
    frame = np.array([0, 2, 4])
    xy_m = np.column_stack([5.0 * frame, 0.0 * frame])  # 10 m/s at 2 Hz
    zeros = np.zeros(3, dtype=np.int64)
    tracks = index_tracks(zeros, frame, zeros, xy_m, np.zeros(3), zeros, np.zeros((3, 3), dtype=bool))
    motion = past_motion(tracks, 0.5)
    np.testing.assert_allclose(motion.velocity_mps[2], [10.0, 0.0])
    np.testing.assert_allclose(motion.offset_m[2, :, 0], [-20.0, -15.0, -10.0, -5.0, 0.0])


def test_a_history_never_looks_ahead() -> None:
    tracks = random_tracks(1)
    past = past_motion(tracks, 0.5)
    cut = tracks.frame <= 5
    number = np.cumsum(cut) - 1
    earlier = index_tracks(
        tracks.scene[cut], tracks.frame[cut], tracks.track[cut], tracks.xy_m[cut], tracks.heading_rad[cut],
        tracks.category[cut], tracks.lamps[cut],
    )  # fmt: skip
    again = past_motion(earlier, 0.5)
    np.testing.assert_array_equal(past.offset_m[cut], again.offset_m[number[cut]])
    np.testing.assert_array_equal(past.lit[cut], again.lit[number[cut]])


def test_padded_frames_equal_a_loop() -> None:
    tracks = random_tracks(2)
    order = np.random.default_rng(3).random(len(tracks.frame))
    table, group = padded_frames(tracks, order, 3)
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        wanted = members[np.argsort(order[members])][:3].tolist()
        assert table[number].tolist() == wanted + [-1] * (3 - len(wanted))
