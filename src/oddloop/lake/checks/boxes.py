"""Checks of detected boxes: scores, labels, class probabilities and image boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddloop.lake.checks.batch import Batch, Lists, as_floats, owners, take_apart
from oddloop.lake.checks.notes import Notes
from oddloop.lake.checks.probs import Probs, check_probs

Flags = NDArray[np.bool_]
SIDES = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")


def check_boxes(name: str, batch: Batch, notes: Notes) -> None:
    """Check every box of a batch; a row without boxes, or with null, has none."""
    boxes = take_apart(batch[name])
    kind = boxes.values.type
    fields = {kind.field(i).name: child for i, child in enumerate(boxes.values.flatten())}
    _check_scores(boxes, fields["score"], notes)
    is_empty = pc.or_kleene(pc.is_null(fields["label"]), pc.equal(fields["label"], ""))
    _note("empty-label", boxes, _flags(is_empty), lambda _: "`label` of {box} is null or empty", notes)
    _check_class_probs(boxes, fields["probs"], notes)
    _check_sides(boxes, fields, notes)
    members = _members(fields["member"])
    _note_members(boxes, members < 0, members, "below 0", notes)


def check_members(name: str, counts: str, batch: Batch, notes: Notes) -> None:
    """Check that no box is of a member beyond the row's count of members."""
    boxes = take_apart(batch[name])
    kind = boxes.values.type
    members = _members(boxes.values.flatten()[kind.get_field_index("member")])
    n_members = np.repeat(_members(batch[counts], if_null=np.iinfo(np.int64).max), boxes.lengths)
    _note_members(boxes, members >= n_members, members, f"not below `{counts}`", notes)


def _members(numbers: pa.Array, if_null: int = 0) -> NDArray[np.int64]:
    filled: NDArray[np.int64] = pc.fill_null(numbers.cast(pa.int64()), if_null).to_numpy(zero_copy_only=False)
    return filled


def _note_members(boxes: Lists, flags: Flags, members: NDArray[np.int64], why: str, notes: Notes) -> None:
    _note("box-member", boxes, flags, lambda i: f"`member` of {{box}} is {members[i]}, {why}", notes)


def _check_scores(boxes: Lists, scores: pa.Array, notes: Notes) -> None:
    numbers = as_floats(scores)
    is_finite = np.isfinite(numbers)
    _note("score-not-finite", boxes, ~is_finite, lambda _: "`score` of {box} is null or not a finite number", notes)
    outside = is_finite & ((numbers < 0) | (numbers > 1))
    _note("score-range", boxes, outside, lambda i: f"`score` of {{box}} is {numbers[i]:g}, outside [0, 1]", notes)


def _check_class_probs(boxes: Lists, column: pa.Array, notes: Notes) -> None:
    """Box probabilities are optional: a box with null, or none, has none."""
    lists = take_apart(column)
    check_probs(Probs("boxes.probs", "box", boxes.offsets, lists), notes)
    lengths = lists.lengths
    with_probs = np.flatnonzero(lengths > 0)
    if len(with_probs):
        # What a fault reports are rows, so boxes of a row that have as many classes count once.
        stride = lengths.max() + 1
        pairs = np.unique(_drop_repeats(owners(boxes.offsets, with_probs) * stride + lengths[with_probs]))
        notes.tally("ragged-classes", "boxes.probs", pairs % stride, pairs // stride)


def _drop_repeats(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Values that differ from the one before them; much faster than `np.unique`, and enough where all are alike."""
    kept: NDArray[np.int64] = values[np.concatenate([[True], values[1:] != values[:-1]])]
    return kept


def _check_sides(boxes: Lists, fields: dict[str, pa.Array], notes: Notes) -> None:
    is_null = np.stack([_flags(pc.is_null(fields[side])) for side in SIDES])
    numbers = np.stack([as_floats(fields[side]) for side in SIDES])
    n_null = is_null.sum(axis=0)
    _note(
        "box-incomplete",
        boxes,
        (n_null > 0) & (n_null < len(SIDES)),
        lambda _: "{box} has null for some of its sides, but not all",
        notes,
    )
    not_finite = np.logical_or.reduce(~np.isfinite(numbers) & ~is_null)
    _note("box-not-finite", boxes, not_finite, lambda _: "{box} has a side that is not a finite number", notes)
    reversed_ = (numbers[2] < numbers[0]) | (numbers[3] < numbers[1])
    _note("box-reversed", boxes, reversed_ & ~not_finite, lambda i: _describe(numbers[:, i]), notes)


def _describe(sides: NDArray[np.floating]) -> str:
    axis, low, high = ("x", sides[0], sides[2]) if sides[2] < sides[0] else ("y", sides[1], sides[3])
    return f"{{box}} has {axis}_max_px {high:g} < {axis}_min_px {low:g}"


def _note(code: str, boxes: Lists, flags: Flags, what: Callable[[int], str], notes: Notes) -> None:
    """Note boxes; `what` gets a flat box number and says what is wrong, with {box} where the box is to be named."""
    found = np.flatnonzero(flags)
    rows = owners(boxes.offsets, found)

    def text() -> str:
        return what(found[0]).format(box=f"box {found[0] - boxes.offsets[rows[0]]}")

    notes.add(code, "boxes", np.unique(rows), text)


def _flags(mask: pa.Array) -> Flags:
    flags: Flags = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return flags
