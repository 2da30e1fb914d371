"""Small pools of vectors with costs, labelled rows and weights, half of them full of ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    points: np.ndarray
    costs: np.ndarray
    budget: float
    fixed: np.ndarray
    weights: np.ndarray


def make_case(seed: int, most: int = 25, d: int = 2) -> Case:
    """Every second pool lies on a lattice, with rows that are there twice; widths 16, 32 and 64 in turn."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, most)), int(rng.integers(0, 4)) if seed % 3 else 0
    lattice = seed % 2 == 0
    both = rng.integers(0, 4, size=(n + m, d)).astype(float) if lattice else rng.normal(size=(n + m, d))
    both = both.astype([np.float16, np.float32, np.float64][seed % 3])
    costs = np.ones(n) if seed % 4 < 2 else rng.choice([0.5, 1.0, 2.0], n)
    weights = rng.choice([0.0, 0.5, 1.0], n) if lattice else rng.uniform(0, 1, n)
    return Case(both[:n], costs, float(rng.uniform(0, costs.sum())), both[n:], weights)


def distances(one, other) -> np.ndarray:
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    return np.sqrt(((one[:, None] - other[None]) ** 2).sum(axis=2))
