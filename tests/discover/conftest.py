"""Planted blobs as scene vectors; fixtures that are functions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.derived_tables import SCENE_VECTORS


def _make_blobs(
    sizes: list[int], n_noise: int = 0, *, d: int = 4, seed: int = 0
) -> tuple[pa.Table, pa.Table, np.ndarray]:
    """Tight blobs on a far lattice, noise spread thinly around them.

    Returns:
        vectors, scenes, and the true blob of each scene (-1 is noise), all in the order of scene_id.
    """
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.full(n_noise, -1)]))
    n = len(truth)
    centres = 40.0 * np.stack([np.binary_repr(i, d) for i in range(len(sizes))]).reshape(-1, 1).view("U1").astype(float)
    noise = rng.uniform(-400, 400, size=(n, d))
    points = np.where(truth[:, None] >= 0, centres.reshape(-1, d)[truth] + rng.normal(size=(n, d)), noise)
    ids = [f"s{i:05d}" for i in range(n)]
    vectors = pa.table([ids, list(points.astype(np.float32))], schema=SCENE_VECTORS.schema())
    logs = [f"log{i // 10}" for i in range(n)]
    scenes = pa.table({"scene_id": ids, "log_id": logs, "duration_s": rng.uniform(5, 20, n)})
    return vectors, scenes, truth


@pytest.fixture(scope="session")
def make_blobs():
    return _make_blobs
