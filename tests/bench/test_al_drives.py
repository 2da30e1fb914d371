"""Pools of driving data, on small arrays made here: what is held out, what is counted, where scenes are cut."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))  # benchmarks are scripts, not a package

import al_drives
from al_drives import DRIVES, fleet, kitti, ngsim


def recordings(n_units: int = 180, n_groups: int = 60) -> dict[str, np.ndarray]:
    """Units of three windows; every input tells its unit, every third group has one unit without windows."""
    rng = np.random.default_rng(0)
    group = np.arange(n_units) % n_groups
    has_rows = np.arange(n_units) >= 20
    unit = np.repeat(np.flatnonzero(has_rows), 3)
    inputs = np.column_stack([unit, rng.normal(size=(len(unit), 3))]).astype(np.float32)
    return {
        "unit": unit,
        "n_rows": np.where(has_rows, 10 + np.arange(n_units), 0),
        "inputs": inputs,
        "targets": inputs[:, :2],
        "group": group,
        "segment": np.where(group % 2 == 0, "a", "b"),
        "costs": 1.0 + np.arange(n_units),
        "n_objects": np.ones(n_units),
        "is_eval": group % 4 == 0,
        "is_first": np.arange(n_units) < 120,
    }


@pytest.fixture
def frames(monkeypatch):
    """Frames of pool and held-out part of the pools made in a test."""
    seen = []
    original = al_drives.forest

    def note(pool, held_out, *arguments):
        seen.append((pool, held_out))
        return original(pool, held_out, *arguments)

    monkeypatch.setattr(al_drives, "forest", note)
    return seen


@pytest.mark.parametrize("name", ["ngsim", "fleet"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_recordings_are_held_out_whole(name, seed, monkeypatch, frames):
    data = recordings()
    monkeypatch.setattr(al_drives, "_arrays", lambda _name: data)
    pool = DRIVES[name](seed)
    fitted = pool.fit(pool.start(np.random.default_rng(0)), 0)
    inside, outside = (np.unique(part.inputs[:, 0]).astype(int) for part in frames[0])
    assert not set(data["group"][inside]) & set(data["group"][outside])
    assert (data["n_rows"][inside] > 0).all()
    assert len(inside) == len(pool) == len(fitted.score)
    assert np.array_equal(pool.segments, data["segment"][inside])
    assert np.array_equal(pool.costs, data["n_rows" if name == "ngsim" else "costs"][inside])


def test_the_fleet_holds_out_its_own_part_and_starts_with_what_was_first(monkeypatch, frames):
    data = recordings()
    monkeypatch.setattr(al_drives, "_arrays", lambda _name: data)
    pool = fleet(0)
    rows = pool.start(np.random.default_rng(1))
    pool.fit(rows, 0)
    inside, outside = (np.unique(part.inputs[:, 0]).astype(int) for part in frames[0])
    assert data["is_eval"][outside].all()
    assert not data["is_eval"][inside].any()
    assert len(rows) == pool.n_start
    assert data["is_first"][inside[rows]].all()


def test_another_seed_holds_out_other_recordings(monkeypatch):
    data = recordings()
    monkeypatch.setattr(al_drives, "_arrays", lambda _name: data)
    assert not np.array_equal(ngsim(0).costs, ngsim(1).costs)


def test_errors_that_were_found_are_counted_once_and_at_their_price(monkeypatch):
    n = 2000
    rng = np.random.default_rng(0)
    data = {
        "sequence": np.repeat(np.arange(4), n // 4),
        "errors": rng.integers(5, size=n),
        "entropy": rng.random(n),
        "n_objects": rng.integers(9, size=n),
        "inputs": rng.normal(size=(n, 13)).astype(np.float32),
    }
    monkeypatch.setattr(al_drives, "_arrays", lambda _name: data)
    pool = kitti(0)
    assert pool.fit(np.arange(len(pool)), 0).error == 0.0
    assert pool.fit(np.array([], dtype=int), 0).error == 1.0
    halves = [pool.fit(rows, 0).error for rows in np.array_split(np.arange(len(pool)), 2)]
    assert sum(halves) == pytest.approx(1.0)
    frames = (pool.costs - 0.04 * pool.n_objects) / 0.12
    assert np.allclose(frames, np.round(frames))
    assert frames.max() <= 100


def test_scenes_are_cut_within_sequences_and_last_five_to_ten_seconds():
    sequence = np.repeat([0, 1, 2], [500, 60, 130])
    scene = al_drives._cut(sequence, np.random.default_rng(0))
    first = np.flatnonzero(np.diff(scene, prepend=-1))
    assert {0, 500, 560} <= set(first.tolist())
    lengths = np.bincount(scene)
    assert lengths.max() <= 100
    # Shorter than 5 s only at the end of a sequence.
    short = np.flatnonzero(lengths < 50)
    assert set((first + lengths)[short].tolist()) <= {500, 560, 690}


def test_vectors_tell_units_apart_and_nothing_else():
    unit = np.repeat([0, 1, 2, 3], 5)
    inputs = np.repeat(np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 1.0], [9.0, 9.0]]), 5, axis=0)
    kept = np.array([True, True, True, False])
    vectors = al_drives._unit_vectors(unit, inputs, kept)
    assert len(vectors) == 3
    assert np.allclose(vectors[0], vectors[1])
    assert not np.allclose(vectors[0], vectors[2])
