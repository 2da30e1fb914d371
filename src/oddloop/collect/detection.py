"""Detected boxes of each member into `predictions/detection`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.collect.batches import Batch, Pick, nested, tensor, write_rows
from oddloop.collect.members import Members
from oddloop.collect.pytorch import Tensor, torch
from oddloop.errors import TableError
from oddloop.tables import BOX, DETECTION

_CORNERS = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
_PER_CLASS = ("probs", "logits")


def write_detection(
    path: str | os.PathLike[str],
    batches: Iterable[Batch],
    members: Members,
    *,
    names: Sequence[str] | Mapping[int, str],
    pick: Pick = None,
) -> int:
    """Run every member on every batch and write a table of detected boxes, each with the member that found it.

    Args:
        path: as in `write_classification`; the folder is `lake/predictions/detection/<model_id>`.
        batches: (inputs, frame_ids, scene_ids) with B ids each; for torchvision, inputs are a list of images.
        members: from `mc_dropout`, `checkpoints` or `one_pass`.
        names: the name of each label: `names[label]`.
        pick: from the model's output to a list of B dicts as torchvision's detectors give them: `boxes` (N,4) floats
            x_min, y_min, x_max, y_max in pixels, `labels` (N,) integers, `scores` (N,) floats in [0, 1]; and
            optionally `probs` or `logits`, (N,C) per class. None where the output is such a list.

    Returns:
        rows written, one per frame, also where nothing was found.

    Raises:
        TableError: ids and outputs do not fit, or a label has no name; names the batch.
    """

    def collect(inputs: Any, number: int, n_rows: int) -> dict[str, pa.Array]:
        what = f"batch {number}: the model's output"
        found = [_frames(out, pick, n_rows, what) for out in members.outputs(inputs, number)]
        n_members = pa.array(np.full(n_rows, len(found)), pa.int64())
        return {"n_members": n_members, "boxes": _boxes(found, names, what)}

    return write_rows(path, batches, DETECTION, ("frame_id", "scene_id"), ("n_members", "boxes"), collect)


def _frames(output: Any, pick: Pick, n_rows: int, what: str) -> list[Mapping[str, Tensor]]:
    """The detections of one member, a dict of tensors per frame."""
    found = pick(output) if pick is not None else output
    if not isinstance(found, (list, tuple)) or not all(isinstance(frame, Mapping) for frame in found):
        raise TableError(f"{what} must be a list of dicts, one per frame; say in `pick` where it is")
    if len(found) != n_rows:
        raise TableError(f"{what} is of {len(found)} frames, but there are {n_rows} ids in the batch")
    if missing := sorted({key for frame in found for key in ("boxes", "labels", "scores") if key not in frame}):
        raise TableError(f"{what} has no `{missing[0]}`; there are: {', '.join(found[0])}; rename it in `pick`")
    return list(found)


def _boxes(members: Sequence[Sequence[Mapping[str, Tensor]]], names: Any, what: str) -> pa.Array:
    """The boxes of each frame, member after member."""
    counts = np.array([[len(frame["scores"]) for frame in frames] for frames in members], np.int64)
    # A stable sort by frame keeps the members, and each member's own order.
    frame = np.concatenate([np.repeat(np.arange(counts.shape[1]), n) for n in counts])
    member = np.repeat(np.arange(len(counts)), counts.sum(axis=1))
    order = np.argsort(frame, kind="stable")
    columns = _columns([frame for frames in members for frame in frames if len(frame["scores"])], names, what)
    columns["member"] = pa.array(member, pa.int32())
    arrays = [columns.get(f.name, pa.nulls(len(order), f.type)).take(pa.array(order)) for f in BOX]
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    boxes = pa.StructArray.from_arrays(arrays, fields=list(BOX))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), boxes, type=pa.list_(BOX))


def _columns(frames: Sequence[Mapping[str, Tensor]], names: Any, what: str) -> dict[str, pa.Array]:
    """Fields of `BOX` of all boxes, in the order of the frames, which have one or more each."""
    if not frames:
        return {}
    corners = _joined(frames, "boxes", "(N,4)", what)
    columns = {name: pa.array(corners[:, i]) for i, name in enumerate(_CORNERS)}
    columns["score"] = pa.array(_joined(frames, "scores", "(N,)", what))
    labels = [frame["labels"].cpu().numpy() for frame in frames]
    if [len(part) for part in labels] != [len(frame["scores"]) for frame in frames]:
        counts = f"{sum(map(len, labels))} and {len(corners)}"
        raise TableError(f"{what}: `labels` and `scores` of a frame must be as many; got {counts}")
    columns["label"] = _labels(np.concatenate(labels), names, what)
    for key in _PER_CLASS:
        if all(key in frame for frame in frames):
            columns[key] = nested(_joined(frames, key, "(N,C)", what), pa.list_(pa.float32()))
    return columns


def _joined(frames: Sequence[Mapping[str, Tensor]], key: str, wanted: str, what: str) -> Any:
    """The numbers of all frames one after the other; `wanted` is their shape, C meaning any number."""
    parts = [tensor(f[key], None, len(f["scores"]), f"{what}, `{key}`,", "scores in a frame") for f in frames]
    shape = tuple(parts[-1].shape[1:])
    fits = {"(N,)": shape == (), "(N,4)": shape == (4,), "(N,C)": len(shape) == 1}[wanted]
    if not fits or any(tuple(part.shape[1:]) != shape for part in parts):
        raise TableError(f"{what}: `{key}` must be {wanted} in every frame; got {tuple(parts[-1].shape)}")
    return torch().cat(parts).numpy()


def _labels(labels: np.ndarray[Any, Any], names: Any, what: str) -> pa.Array:
    """The names of integer labels."""
    found, codes = np.unique(labels, return_inverse=True)
    known = names if isinstance(names, Mapping) else dict(enumerate(names))
    if unknown := [label for label in found.tolist() if label not in known]:
        raise TableError(f"{what}: label {unknown[0]} has no name; add it to `names`")
    return pa.array([known[label] for label in found.tolist()], pa.string()).take(pa.array(codes))
