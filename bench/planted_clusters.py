"""Points with known rare classes, for `bench_clusters.py` and its peers; needs NumPy only.

Sizes fall as 1/rank (Zipf) and are 15 at least, so most classes are rare. Harder than plain blobs: blobs that overlap,
fainter contrast, unequal densities, curved surfaces in 64 dimensions, 5 % uniform noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

Points, Truth = npt.NDArray[np.float32], npt.NDArray[np.int64]
RARE = 100
"""A class of at most this many points is rare."""


def sizes_of(n: int, n_classes: int) -> Truth:
    weight = 1 / np.arange(1, n_classes + 1)
    return np.maximum((weight / weight.sum() * n).astype(np.int64), 15)


def blobs(n: int, d: int, n_classes: int, separation: float, seed: int, spread: tuple[float, float] = (1.0, 1.0)):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(n_classes), sizes_of(n, n_classes))
    width = np.exp(rng.uniform(*np.log(spread), n_classes))[truth][:, None]
    points = (rng.normal(size=(n_classes, d)) * separation)[truth] + width * rng.normal(size=(len(truth), d))
    return shuffled(points, truth, rng)


def surfaces(seed: int):
    rng = np.random.default_rng(seed)
    parts = []
    for size in sizes_of(30_000, 100).tolist():
        u, v = rng.uniform(-1, 1, size=(2, size))
        curved = np.column_stack([u, v, np.sin(3 * u), np.cos(2 * v), u * v]) @ rng.normal(size=(5, 64)) / 8
        parts.append(3 * curved + 0.9 * rng.normal(size=64) + 0.08 * rng.normal(size=(size, 64)))
    return shuffled(np.concatenate(parts), np.repeat(np.arange(100), sizes_of(30_000, 100)), rng)


def with_noise(seed: int):
    points, truth = blobs(30_000, 10, 120, 6.0, seed)
    rng = np.random.default_rng(seed + 100)
    noise = rng.uniform(points.min(axis=0), points.max(axis=0), size=(len(points) // 20, 10))
    return shuffled(np.concatenate([points, noise]), np.concatenate([truth, np.full(len(noise), -1)]), rng)


def shuffled(points: npt.NDArray[np.floating], truth: Truth, rng: np.random.Generator) -> tuple[Points, Truth]:
    order = rng.permutation(len(truth))
    return np.ascontiguousarray(points[order], dtype=np.float32), truth[order]


DATA: dict[str, Callable[[int], tuple[Points, Truth]]] = {
    "Zipf blobs, 50k x 5": lambda seed: blobs(49_920, 5, 150, 8.0, seed),
    "Zipf blobs that overlap, 50k x 5": lambda seed: blobs(49_920, 5, 150, 5.0, seed),
    "Zipf blobs, 20k x 256": lambda seed: blobs(20_765, 256, 150, 0.8, seed),
    "faint Zipf blobs, 20k x 256": lambda seed: blobs(20_765, 256, 150, 0.55, seed),
    "unequal densities, 30k x 8": lambda seed: blobs(30_000, 8, 120, 8.0, seed, (0.15, 2.0)),
    "curved surfaces, 30k x 64": surfaces,
    "5 % uniform noise, 31k x 10": with_noise,
}


def rare_recall(groups: Iterable[npt.NDArray[np.int64]], truth: Truth) -> tuple[int, int]:
    """Rare classes that some group matches (Jaccard 1/2 at least), and rare classes in all."""
    size = np.bincount(truth[truth >= 0])
    found: set[int] = set()
    for rows in groups:
        if len(rows) <= 2 * RARE:  # a larger one cannot match
            inside = np.bincount(truth[rows][truth[rows] >= 0], minlength=len(size))
            match = (inside / (len(rows) + size - inside) >= 0.5) & (size <= RARE)
            found |= set(np.flatnonzero(match).tolist())
    return len(found), int((size <= RARE).sum())


def groups_of(labels: npt.NDArray[np.integer]) -> list[npt.NDArray[np.int64]]:
    order = np.argsort(labels, kind="stable")
    names, starts = np.unique(labels[order], return_index=True)
    parts = np.split(order, starts[1:])
    return [rows for name, rows in zip(names.tolist(), parts, strict=True) if name >= 0]
