"""Checks of predicted trajectories: members x modes x steps x (x, y), beside members x modes of probabilities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from oddloop.lake.checks.batch import Batch, Lists, differ_from_first, owners, take_apart
from oddloop.lake.checks.notes import Notes
from oddloop.lake.checks.probs import Probs, check_probs


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


def check_candidates(name: str, batch: Batch, notes: Notes) -> None:
    """Note plans without candidates, with a point that is not finite, or with different numbers of steps."""
    plans = take_apart(batch[name])
    steps = take_apart(plans.values)
    bad = owners(steps.offsets, _bad_points(steps.values))
    what = f"of `{name}` has a point that is not finite"
    rows = owners(plans.offsets, bad)
    notes.add("modes-not-finite", name, np.unique(rows), lambda: f"candidate {bad[0] - plans.offsets[rows[0]]} {what}")
    uneven = np.unique(owners(plans.offsets, differ_from_first(plans.offsets, steps.lengths)))
    notes.add(
        "modes-steps",
        name,
        uneven,
        lambda: (
            f"the candidates of `{name}` have different numbers of steps: "
            f"{_listed(steps.lengths, plans.offsets, uneven[0])}"
        ),
    )
    is_there = batch[name].is_valid().to_numpy(zero_copy_only=False)
    empty = np.flatnonzero(is_there & (plans.lengths == 0))
    notes.add("no-probs", name, empty, lambda: f"`{name}` has no candidate")


def check_weights(name: str, candidates_name: str, batch: Batch, notes: Notes) -> None:
    """Note weights of another number than the candidates, or that are no shares; null stands for shares all alike."""
    weights, plans = take_apart(batch[name]), take_apart(batch[candidates_name])
    check_probs(Probs(name, "plan", np.arange(batch.n_rows + 1), weights), notes)
    is_there = batch[name].is_valid().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(is_there & (weights.lengths != plans.lengths))

    def what() -> str:
        return f"`{name}` has {weights.lengths[rows[0]]} numbers for {plans.lengths[rows[0]]} candidates"

    notes.add("modes-shape", name, rows, what)


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
    return f"the modes of `modes` have different numbers of steps: {_listed(steps, row_modes, row)}"


def _listed(steps: NDArray[np.int64], row_modes: NDArray[np.int64], row: int) -> str:
    return ", ".join(map(str, steps[row_modes[row] : row_modes[row + 1]].tolist()[:5]))
