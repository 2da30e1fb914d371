"""Checks of probabilities: items per row (members, or boxes), each with a list of probabilities.

Each list must hold finite values in [0, 1] that sum to 1 within `SUM_TOLERANCE`, and all lists must be of one length.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oddloop.lake.checks.batch import Batch, Lists, differ_from_first, is_any, owners, sums, take_apart
from oddloop.lake.checks.notes import Notes

SUM_TOLERANCE = 1e-3
"""Largest |sum - 1|. Rounding to float16 moves a sum by 0.0005 at most, so half-precision exports pass."""


@dataclass(frozen=True)
class Probs:
    """Probabilities of a batch.

    Attributes:
        column: what they are called, for messages.
        item: what each list belongs to: `member` or `box`.
        items: (rows + 1,) offsets of each row's items.
        lists: the probabilities of each item.
    """

    column: str
    item: str
    items: NDArray[np.int64]
    lists: Lists

    @functools.cached_property
    def numbers(self) -> NDArray[np.floating]:
        """All probabilities, flat."""
        return self.lists.numbers()

    def name(self, item: int) -> str:
        """Words for one item, such as "`probs` of member 1"."""
        row = owners(self.items, np.array([item]))[0]
        return f"`{self.column}` of {self.item} {item - self.items[row]}"


def check_member_probs(name: str, batch: Batch, notes: Notes) -> None:
    """Check a column of members x classes, or members x modes."""
    probs, n_members = _members(name, batch)
    check_probs(probs, notes)
    _check_members(probs, n_members, batch, notes)


def check_member_logits(name: str, batch: Batch, notes: Notes) -> None:
    """Check a column of members x logits; -inf is a class that cannot be, NaN and inf are nothing."""
    logits, n_members = _members(name, batch)
    is_bad = ~(logits.numbers < np.inf)
    _note_values("logits-not-finite", logits, np.flatnonzero(is_bad), "which is no logit", notes)
    _check_members(logits, n_members, batch, notes)


def check_class_count(name: str, batch: Batch, notes: Notes) -> None:
    """Count how many classes the first member of each row has; all rows must have the same."""
    members = take_apart(batch[name])
    rows = np.flatnonzero(members.lengths > 0)
    lengths = take_apart(members.values).lengths[members.offsets[rows]]
    notes.tally("ragged-classes", name, lengths[lengths > 0], rows[lengths > 0])


def check_probs(probs: Probs, notes: Notes) -> None:
    """Note values that are not finite or outside [0, 1], and lists of good values that do not sum to 1."""
    offsets, numbers = probs.lists.offsets, probs.numbers
    is_finite = np.isfinite(numbers)
    outside = is_finite & ((numbers < 0) | (numbers > 1))
    _note_values("probs-not-finite", probs, np.flatnonzero(~is_finite), "which is not a number", notes)
    _note_values("probs-range", probs, np.flatnonzero(outside), "outside [0, 1]", notes)
    totals = sums(offsets, numbers)
    is_off = (np.abs(totals - 1) > SUM_TOLERANCE) & (probs.lists.lengths > 0)
    _note_sums(probs, np.flatnonzero(is_off & ~is_any(offsets, ~is_finite | outside)), totals, notes)


def _members(name: str, batch: Batch) -> tuple[Probs, NDArray[np.int64]]:
    """The values of each member, and the number of members of each row."""
    members = take_apart(batch[name])
    return Probs(name, "member", members.offsets, take_apart(members.values)), members.lengths


def _check_members(probs: Probs, n_members: NDArray[np.int64], batch: Batch, notes: Notes) -> None:
    """Note rows without members or with an empty one, and rows whose members differ in length."""
    name = probs.column
    is_there = batch[name].is_valid().to_numpy(zero_copy_only=False)
    empty = is_there & ((n_members == 0) | is_any(probs.items, probs.lists.lengths == 0))
    notes.add("no-probs", name, np.flatnonzero(empty), lambda: f"`{name}` has no members, or a member without values")
    _check_ragged_members(probs, empty, notes)


def _note_values(code: str, probs: Probs, index: NDArray[np.int64], why: str, notes: Notes) -> None:
    items = owners(probs.lists.offsets, index)
    rows = np.unique(owners(probs.items, items))
    notes.add(code, probs.column, rows, lambda: f"{probs.name(items[0])} holds {probs.numbers[index[0]]:g}, {why}")


def _note_sums(probs: Probs, items: NDArray[np.int64], totals: NDArray[np.float64], notes: Notes) -> None:
    def what() -> str:
        return f"{probs.name(items[0])} sum to {totals[items[0]]:.4f}, not 1 (tolerance {SUM_TOLERANCE})"

    notes.add("probs-sum", probs.column, np.unique(owners(probs.items, items)), what)


def _check_ragged_members(probs: Probs, empty: NDArray[np.bool_], notes: Notes) -> None:
    lengths = probs.lists.lengths
    rows = np.unique(owners(probs.items, differ_from_first(probs.items, lengths)))
    rows = rows[~empty[rows]]

    def what() -> str:
        found = lengths[probs.items[rows[0]] : probs.items[rows[0] + 1]].tolist()
        return f"the members of `{probs.column}` have different lengths: {', '.join(map(str, found[:5]))}"

    notes.add("ragged-members", probs.column, rows, what)
