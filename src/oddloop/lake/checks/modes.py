"""Checks of predicted trajectories: members x modes x steps x (x, y), beside members x modes of probabilities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from oddloop.lake.checks.batch import Batch, Lists, differ_from_first, owners, take_apart
from oddloop.lake.checks.notes import Notes


def check_modes(name: str, batch: Batch, notes: Notes) -> None:
    """Note points that are not finite, and rows whose modes have different numbers of steps."""
    members = take_apart(batch[name])
    modes = take_apart(members.values)
    steps = take_apart(modes.values)
    row_modes = modes.offsets[members.offsets]
    bad_modes = owners(steps.offsets, _bad_points(steps.values))
    rows = np.unique(owners(row_modes, bad_modes))
    notes.add("modes-not-finite", name, rows, lambda: _name_mode(members, modes, bad_modes[0]))
    uneven = np.unique(owners(row_modes, differ_from_first(row_modes, steps.lengths)))
    notes.add("modes-steps", name, uneven, lambda: _list_steps(steps.lengths, row_modes, uneven[0]))


def check_shapes(modes_name: str, probs_name: str, batch: Batch, notes: Notes) -> None:
    """Note rows of which modes and probabilities have different numbers of members, or of modes in a member."""
    modes, probs = take_apart(batch[modes_name]), take_apart(batch[probs_name])
    n_modes, n_probs = take_apart(modes.values).lengths, take_apart(probs.values).lengths
    differ = modes.lengths != probs.lengths
    # Where the members agree, both sides have the same slots in the same order, and can be compared slot by slot.
    agree_modes = n_modes[np.repeat(~differ, modes.lengths)]
    agree_probs = n_probs[np.repeat(~differ, probs.lengths)]
    slot_rows = np.repeat(np.arange(batch.n_rows), modes.lengths)[np.repeat(~differ, modes.lengths)]
    differ[slot_rows[agree_modes != agree_probs]] = True
    rows = np.flatnonzero(differ)

    def what() -> str:
        found = [_shape(lists.offsets, counts, rows[0]) for lists, counts in ((modes, n_modes), (probs, n_probs))]
        return f"`{modes_name}` has {found[0]} modes by member, `{probs_name}` has {found[1]}"

    notes.add("modes-shape", modes_name, rows, what)


def _shape(offsets: NDArray[np.int64], counts: NDArray[np.int64], row: int) -> str:
    return str(counts[offsets[row] : offsets[row + 1]].tolist())


def _bad_points(points: pa.Array) -> NDArray[np.int64]:
    """Flat indices of points that are null, or hold a null, NaN or infinity."""
    is_there = points.is_valid().to_numpy(zero_copy_only=False)
    finite = np.isfinite(points.flatten().to_numpy(zero_copy_only=False)).reshape(-1, 2).all(axis=1)
    is_good = np.zeros(len(points), dtype=bool)
    is_good[is_there] = finite
    return np.flatnonzero(~is_good)


def _name_mode(members: Lists, modes: Lists, mode: int) -> str:
    member = owners(modes.offsets, np.array([mode]))[0]
    row = owners(members.offsets, np.array([member]))[0]
    place = f"mode {mode - modes.offsets[member]} of member {member - members.offsets[row]}"
    return f"{place} of `modes` has a point that is not finite"


def _list_steps(steps: NDArray[np.int64], row_modes: NDArray[np.int64], row: int) -> str:
    found = steps[row_modes[row] : row_modes[row + 1]].tolist()
    return f"the modes of `modes` have different numbers of steps: {', '.join(map(str, found[:5]))}"
