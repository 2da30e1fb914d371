"""Key frames: against a naive loop per scene, and by their promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.errors import ConfigError, TableError
from oddloop.select.key_frames import key_frames


def naive(frames: list[tuple[float, float, int]], k: int, gap_s: float) -> set[int]:
    """`frames` are (time, score, number) of one scene."""
    left, chosen = sorted(frames), []
    while left and len(chosen) < k:
        apart = [f for f in left if all(abs(f[0] - c[0]) >= gap_s for c in chosen)]
        if apart:
            best = max(apart, key=lambda f: (-math.inf if math.isnan(f[1]) else f[1], -f[0], -f[2]))
        else:
            best = max(left, key=lambda f: (min(abs(f[0] - c[0]) for c in chosen), -f[0], -f[2]))
        chosen.append(best)
        left.remove(best)
    return {f[2] for f in chosen}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 25), st.integers(1, 6), st.sampled_from([0.0, 1.0, 3.0, 100.0]))
def test_it_is_the_naive_loop(seed: int, n: int, k: int, gap_s: float) -> None:
    rng = np.random.default_rng(seed)
    scenes, times = rng.integers(0, 3, n), rng.permutation(n).astype(float)
    scores = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 4, n))
    found = key_frames(scores, times, scenes, k, gap_s)
    for scene in np.unique(scenes):
        mine = np.flatnonzero(scenes == scene)
        expected = naive([(times[i], scores[i], int(i)) for i in mine], k, gap_s)
        assert set(mine[found[mine]].tolist()) == expected
        assert found[mine].sum() == min(k, len(mine))


def test_the_order_of_rows_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    scores, times, scenes = rng.random(60), np.arange(60.0), np.repeat(["a", "b", "c"], 20)
    order = rng.permutation(60)
    found = key_frames(scores, times, scenes, 4, 2.0)
    assert key_frames(scores[order], times[order], scenes[order], 4, 2.0).tolist() == found[order].tolist()


def test_faults_are_named_and_nothing_is_nothing() -> None:
    assert key_frames([], [], [], 3).tolist() == []
    with pytest.raises(TableError, match="differ in shape"):
        key_frames([1.0], [1.0, 2.0], ["a"], 3)
    with pytest.raises(TableError, match="times of frames must be finite"):
        key_frames([1.0], [np.nan], ["a"], 3)
    with pytest.raises(ConfigError, match="k must be 1 or more and gap_s 0 or more; got 0"):
        key_frames([1.0], [1.0], ["a"], 0)
