"""Checks of feature vectors: there, finite, and of one length."""

from __future__ import annotations

import numpy as np

from oddloop.lake.checks.batch import Batch, owners, take_apart
from oddloop.lake.checks.notes import Notes


def check_vectors(name: str, batch: Batch, notes: Notes) -> None:
    """Note vectors that are empty or not finite, and count their lengths; null is another matter."""
    vectors = take_apart(batch[name])
    is_there = batch[name].is_valid().to_numpy(zero_copy_only=False)
    empty = np.flatnonzero(is_there & (vectors.lengths == 0))
    notes.add("vector-empty", name, empty, lambda: f"`{name}` is empty")
    numbers = vectors.numbers()
    bad = np.flatnonzero(~np.isfinite(numbers))
    bad_rows = owners(vectors.offsets, bad)

    def what() -> str:
        return f"`{name}` holds {numbers[bad[0]]:g} at place {bad[0] - vectors.offsets[bad_rows[0]]}"

    notes.add("vector-not-finite", name, np.unique(bad_rows), what)
    full = np.flatnonzero(vectors.lengths)
    notes.tally("vector-length", name, vectors.lengths[full], full)
