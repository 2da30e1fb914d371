"""Detected boxes from Arrow: one column of structs to arrays, and logits to class probabilities.

Time and memory grow with the boxes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.boxes.calls import frozen
from oddloop.score.boxes.detections import Detections, as_sides, count_members
from oddloop.score.logits import softmax
from oddloop.score.nested import Nested, column, floats, given, text_array, unnest
from oddloop.score.shapes import by_shape

SIDES = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")


def read_detections(boxes: pa.StructArray, offsets: IntArray, n_members: IntArray | None = None) -> Detections:
    """Boxes of `tables.BOX` as arrays; a null box has no side, no score and no label.

    Args:
        boxes: (N,) structs with `score` and `label`; `probs`, the sides and `member` where they have them.
        offsets: (F+1,) bounds of each frame's boxes, from 0.
        n_members: (F,) members that looked at each frame; None, or below 0: the largest `member` of its boxes, plus 1.

    Raises:
        TableError: a field is missing or of the wrong type.

    >>> boxes = pa.array([{"score": 0.5, "label": "car", "member": 2}])
    >>> read_detections(boxes, np.array([0, 1])).n_members.tolist()
    [3]
    """
    fields = {boxes.type.field(i).name: values for i, values in enumerate(boxes.flatten())}
    if missing := [name for name in ("score", "label") if name not in fields]:
        raise TableError(
            f"`boxes` must hold structs with a field `{missing[0]}`; got {boxes.type}; run `oddloop check`"
        )
    absent = pa.nulls(len(boxes))
    labels, names = _codes(text_array(fields["label"], "`label` of a box"))
    members = integers(fields.get("member", absent), "`member` of a box")
    seen = count_members(members, offsets)
    scores = floats(fields["score"], "`score` of a box")
    return Detections(
        offsets,
        as_sides(*(numbers(fields.get(name, absent), f"`{name}` of a box") for name in SIDES)),
        frozen(scores.astype(np.float32) if scores.dtype == np.float16 else scores),
        labels,
        names,
        members,
        seen if n_members is None else np.where(n_members < 0, seen, n_members),
        *_read_probs(fields.get("probs", absent)),
    )


def read_n_members(batch: pa.Table) -> IntArray | None:
    """(F,) the column `n_members`, -1 where it is null; None where there is none.

    Raises:
        TableError: it does not hold integers.

    >>> read_n_members(pa.table({"n_members": [5, None]})).tolist()
    [5, -1]
    """
    if "n_members" not in batch.column_names:
        return None
    counts = column(batch, "n_members")
    return np.where(given(counts), np.maximum(integers(counts, "`n_members`"), 0), -1)


def has_members(boxes: pa.StructArray, n_members: IntArray | None) -> bool:
    """Whether any frame was looked at by several members, or says that it was looked at by none.

    >>> has_members(pa.array([{"score": 0.5, "member": 0}]), None)
    False
    """
    if n_members is not None and np.any((n_members >= 0) & (n_members != 1)):
        return True
    index = boxes.type.get_field_index("member")
    members = boxes.flatten()[index] if index >= 0 else pa.nulls(0)
    return members.null_count < len(members) and bool(np.any(integers(members, "`member` of a box")))


def with_probs(boxes: pa.StructArray) -> pa.StructArray:
    """The boxes, with the softmax of their `logits` for `probs` where they have logits and no probs.

    Raises:
        TableError: `logits` are not lists of floats, or `probs` are not.

    >>> with_probs(pa.array([{"score": 0.5, "logits": [0.0, 0.0]}]))[0]["probs"].as_py()
    [0.5, 0.5]
    """
    fields = {boxes.type.field(i).name: values for i, values in enumerate(boxes.flatten())}
    logits = fields.pop("logits", None)
    if logits is None or logits.null_count == len(logits):
        return boxes
    rows = unnest(logits, "`logits` of a box")
    values = floats(rows.items, "`logits` of a box")
    probs = np.empty(len(values))
    for boxes_alike, dense in by_shape(values, rows.offsets[:-1], np.diff(rows.offsets)[:, None]):
        places = rows.offsets[boxes_alike, None] + np.arange(dense.shape[1])
        probs[places] = softmax(dense)
    found = _lists(rows, probs)
    own = fields.get("probs", pa.nulls(len(boxes)))
    if own.null_count < len(own):
        lists = unnest(own, "`probs` of a box")
        given_probs = floats(lists.items, "class probabilities in `probs` of a box")
        found = pc.coalesce(_lists(lists, given_probs.astype(np.float64)), found)
    fields["probs"] = found
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))


def _lists(rows: Nested, values: FloatArray) -> pa.LargeListArray:
    # As wide as lists can be: a batch may hold more probabilities than 32 bits count.
    return pa.LargeListArray.from_arrays(pa.array(rows.offsets), pa.array(values), mask=pa.array(~rows.given))


def integers(array: pa.Array, what: str) -> IntArray:
    """(N,) integers, 0 where null.

    Raises:
        TableError: the array holds something else, or integers beyond 64 bits; `what` names it.
    """
    if not (pa.types.is_integer(array.type) or pa.types.is_null(array.type)):
        raise TableError(f"{what} must be an integer; got {array.type}; run `oddloop check`")
    try:
        wide = pc.fill_null(array.cast(pa.int64()), 0)
    except pa.ArrowException as error:
        raise TableError(f"{what} is too large ({error}); run `oddloop check`") from error
    found: IntArray = wide.to_numpy(zero_copy_only=False)
    return found


def numbers(array: pa.Array, what: str) -> AnyFloats:
    """(N,) floats, NaN where null; whole numbers, and a column of nothing but null, may stand for them.

    Raises:
        TableError: the array holds something else; `what` names it.
    """
    if pa.types.is_null(array.type) or pa.types.is_integer(array.type):
        array = array.cast(pa.float64(), safe=False)
    return floats(array, what)


def _read_probs(probs: pa.Array) -> tuple[AnyFloats, IntArray]:
    """The values, and the bounds of each box's; a box without has none."""
    if probs.null_count == len(probs):
        return frozen(np.empty(0, np.float32)), np.zeros(len(probs) + 1, np.int64)
    rows = unnest(probs, "`probs` of a box")
    values = floats(rows.items, "class probabilities in `probs` of a box")
    return frozen(values.astype(np.float32) if values.dtype == np.float16 else values), rows.offsets


def _codes(labels: pa.StringArray) -> tuple[IntArray, tuple[str, ...]]:
    """The place of each label among the labels that occur, sorted, and these; -1 where null."""
    encoded = labels.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    places = np.empty(len(order) + 1, np.int64)
    places[order], places[-1] = np.arange(len(order)), -1
    codes = pc.fill_null(encoded.indices, len(order)).to_numpy(zero_copy_only=False)
    return places[codes], tuple(encoded.dictionary.take(pa.array(order)).to_pylist())
