"""Pools of driving data for the label-efficiency benchmark, from the arrays of `al_prepare.py`: `DRIVES[name](seed)`.

The arrays are read from the folder `$ODDLOOP_BENCH_CACHE`. Runs without oddloop.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from al_models import Fitted, Frames, forest
from al_pools import AlPool, Fit, geometric

N_DIRECTIONS = 24
_FRAME_COST, _OBJECT_COST = 0.12, 0.04
"""Prices of Liang et al. (2022): to look at a frame, and to draw a box."""


@cache
def _arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(Path(os.environ["ODDLOOP_BENCH_CACHE"]) / f"{name}.npz") as stored:
        return dict(stored)


def is_there(name: str) -> bool:
    """Whether the arrays of a pool have been prepared."""
    return (Path(os.environ.get("ODDLOOP_BENCH_CACHE", ".")) / f"{name}.npz").exists()


def ngsim(seed: int) -> AlPool:
    """Real scenes of three roads; many show the same minutes, so recordings and not scenes are held out."""
    data, rng = _arrays("ngsim"), np.random.default_rng([seed, 1])
    is_held = np.isin(data["group"], rng.permutation(np.unique(data["group"]))[:26])
    kept, held = (data["n_rows"] > 0) & ~is_held, (data["n_rows"] > 0) & is_held
    costs = data["n_rows"][kept].astype(np.float64)
    return AlPool(
        name="NGSIM",
        unit="scenes",
        error_name="displacement error in m after 2 s",
        fit=_forecaster(data, kept, held),
        vectors=_unit_vectors(data["unit"], data["inputs"], kept),
        costs=costs,
        first=np.arange(len(costs)),
        n_start=3,
        steps=geometric(costs, 0.02, 0.5, 7),
        segments=data["segment"][kept],
    )


def fleet(seed: int) -> AlPool:
    """The demo's simulated fleet; the start is drawn from what the demo labels first, which lacks roundabouts."""
    data, rng = _arrays("fleet"), np.random.default_rng([seed, 1])
    drawn = (data["n_rows"] > 0) & np.isin(data["group"], rng.permutation(np.unique(data["group"]))[:110])
    kept, held = (drawn & flag for flag in (~data["is_eval"], data["is_eval"]))
    costs = data["costs"][kept]
    return AlPool(
        name="demo fleet",
        unit="scenes",
        error_name="displacement error in m after 3 s",
        fit=_forecaster(data, kept, held),
        vectors=_unit_vectors(data["unit"], data["inputs"], kept),
        costs=costs,
        first=np.flatnonzero(data["is_first"][kept]),
        n_start=20,
        steps=geometric(costs, 0.01, 0.4, 7),
        segments=data["segment"][kept],
        n_objects=data["n_objects"][kept],
    )


def _forecaster(data: dict[str, np.ndarray], kept: np.ndarray, held: np.ndarray) -> Fit:
    """A small forest that forecasts how a road user strays from straight driving."""
    pool, held_out, n_frames = _frames(data, kept), _frames(data, held), data["n_rows"][kept]
    return lambda rows, seed: forest(pool, held_out, rows, seed, n_frames)


def _frames(data: dict[str, np.ndarray], units: np.ndarray) -> Frames:
    mine, number = units[data["unit"]], np.cumsum(units) - 1
    return Frames(number[data["unit"][mine]], data["inputs"][mine], data["targets"][mine])


def _unit_vectors(unit: np.ndarray, inputs: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Mean and spread of a unit's inputs, standardised, in the directions in which the pool's units differ most."""
    mine = kept[unit]
    number = (np.cumsum(kept) - 1)[unit[mine]]
    own, n = inputs[mine].astype(np.float64), np.bincount(number)[:, None]
    mean = _sums(number, own) / n
    spread = np.sqrt(np.maximum(_sums(number, own**2) / n - mean**2, 0.0))
    both = np.concatenate([mean, spread], axis=1)
    scaled = (both - both.mean(axis=0)) / (both.std(axis=0) + 1e-6)
    _, _, axes = np.linalg.svd(scaled, full_matrices=False)
    return (scaled @ axes[:N_DIRECTIONS].T).astype(np.float32)


def _sums(number: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.stack([np.bincount(number, values[:, k]) for k in range(values.shape[1])], axis=1)


def kitti(seed: int) -> AlPool:
    """Errors of a real detector, found by labelling: nothing is trained, and the pool itself is what is measured.

    Each seed cuts the sequences anew into scenes of 5 to 10 s and leaves a fifth of them out.
    """
    data, rng = _arrays("kitti"), np.random.default_rng([seed, 1])
    scene = _cut(data["sequence"], rng)
    kept = rng.random(scene[-1] + 1) < 0.8
    errors, entropy, objects = (np.bincount(scene, data[name])[kept] for name in ("errors", "entropy", "n_objects"))
    costs = _FRAME_COST * np.bincount(scene)[kept] + _OBJECT_COST * objects
    return AlPool(
        name="KITTI",
        unit="scenes",
        error_name="share of errors not found",
        fit=lambda rows, _seed: Fitted(1.0 - float(errors[rows].sum() / errors.sum()), entropy),
        vectors=_unit_vectors(scene, data["inputs"], kept),
        costs=costs,
        first=np.arange(len(costs)),
        n_start=2,
        steps=geometric(costs, 0.03, 0.5, 6),
        n_objects=objects,
    )


def _cut(sequence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scene of each frame: 50 to 100 frames at 10 Hz, never across sequences."""
    first = np.concatenate([[True], np.diff(sequence) > 0])
    left = 0
    for frame in range(len(sequence)):
        if first[frame] or left == 0:
            first[frame], left = True, int(rng.integers(50, 101))
        left -= 1
    return np.cumsum(first) - 1


DRIVES: dict[str, Callable[[int], AlPool]] = {"ngsim": ngsim, "kitti": kitti, "fleet": fleet}
