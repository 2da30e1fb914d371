"""Frame scores from dense tensors: `segmentation_<measure>_<reduction>`.

The measures are those of `pixels`, the reductions those of `reductions`; a frame's tensor is measured, reduced, and let
go before the next is looked at, so that one frame is held at a time, however many rows a batch has. A frame is not
valid where both `tensor` and `tensor_uri` are null (the model did not run), where its bytes are not of its shape and
dtype, or where a pixel is not a distribution; a mean that has no pixel is not valid either. `n_objects` is 0: regions
are no objects to draw.

A file is read by the function that the caller gives, since a stage touches none. Time grows with the numbers of the
tensors; memory with one tensor and its maps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.config.segmentation import SegmentationConfig
from oddloop.errors import TableError
from oddloop.score.columns import frame_table
from oddloop.score.nested import column, texts
from oddloop.score.segmentation.pixels import CLASSES, compute_pixel_measures
from oddloop.score.segmentation.reductions import (
    boundary_excluded_mean,
    class_balanced_mean,
    largest_region,
    map_mean,
    top_share_mean,
)
from oddloop.score.segmentation.tensor import DTYPES, KINDS, Kind, PixelTensor, pixel_tensor

Load = Callable[[str], npt.ArrayLike]
"""From a `tensor_uri` to the tensor, such as a memory-mapped file."""
_TEXTS = ("dtype", "tensor_uri", "kind")
_NUMBERS = ("scale", "zero_point")


def score_segmentation(batch: pa.Table, config: ScoreConfig, load: Load | None = None) -> pa.Table:
    """Score a batch of segmentations.

    Args:
        batch: rows of `tables.SEGMENTATION`.
        config: `segmentation` says which measures and reductions; logits are divided by `temperature`.
        load: reads the tensor of a `tensor_uri`; None where all tensors are in the table.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure and reduction, in the rows' order.

    Raises:
        TableError: a column is missing or of the wrong type, a kind or dtype is not known, or a `tensor_uri` cannot be
            read; names the frame.

    >>> tensor = np.array([[[0.5, 1.0]], [[0.5, 0.0]]], np.float32)
    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "tensor": [tensor.tobytes()],
    ...     "shape": [[2, 1, 2]], "dtype": ["float32"]})
    >>> round(score_segmentation(batch, ScoreConfig())["segmentation_entropy_mean"][0].as_py(), 4)
    0.3466
    """
    ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    given = _columns(batch)
    names = score_names(config.segmentation)
    scores = {name: np.full(batch.num_rows, np.nan) for name in names}
    answered = np.zeros(batch.num_rows, np.bool_)
    for row in range(batch.num_rows):  # a row is a frame of millions of pixels
        tensor, answered[row] = _tensor(given, row, ids[0], config.temperature, load)
        if tensor is not None:
            for name, value in _score(tensor, config.segmentation).items():
                scores[name][row] = value
    return frame_table(*ids, np.zeros(batch.num_rows, np.int64), answered, scores)


def score_names(config: SegmentationConfig) -> list[str]:
    """Names of the columns, in their order."""
    return [
        f"segmentation_{measure}_{part}"
        for measure in config.measures
        for how in config.reductions
        for part in (("region", "region_share") if how == "region" else (how,))
    ]


def _score(tensor: PixelTensor, config: SegmentationConfig) -> dict[str, float]:
    maps = compute_pixel_measures(tensor, (*config.measures, CLASSES))
    found: dict[str, float] = {}
    for measure in config.measures:
        highest = 1.0 if measure == "margin" else float(np.log(tensor.values.shape[1] or 1))
        for how in config.reductions:
            found |= _reduce(f"segmentation_{measure}_{how}", how, maps[measure], maps[CLASSES], config, highest)
    return found


def _reduce(
    name: str,
    how: str,
    values: npt.NDArray[Any],
    classes: npt.NDArray[Any],
    config: SegmentationConfig,
    highest: float,
) -> dict[str, float]:
    if how == "mean":
        return {name: map_mean(values)}
    if how == "top_share":
        return {name: top_share_mean(values, config.top_share)}
    if how == "region":
        region = largest_region(values, config.region_level * highest)
        return {name: region.total, f"{name}_share": region.share}
    if how == "class_balanced":
        return {name: class_balanced_mean(values, classes)}
    return {name: boundary_excluded_mean(values, classes, config.boundary_px)}


def _columns(batch: pa.Table) -> dict[str, pa.Array]:
    """The columns that are there, of the right type."""
    names = [n for n in ("tensor", "shape", *_TEXTS, *_NUMBERS) if n in batch.column_names]
    if not {"tensor", "tensor_uri"} & set(names):
        listed = ", ".join(batch.column_names)
        raise TableError(f"predictions: column `tensor` is missing, and `tensor_uri` too; there are: {listed}")
    found = {name: column(batch, name) for name in names}
    for name, values in found.items():
        kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        if not (pa.types.is_null(kind) or _FITS[name](kind)):
            raise TableError(f"predictions: `{name}` must hold {_WANTED[name]}; got {kind}; run `oddloop check`")
    return found


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_shape(kind: pa.DataType) -> bool:
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(is_list and pa.types.is_integer(kind.value_type))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


_FITS = {
    "tensor": _is_bytes,
    "shape": _is_shape,
    **dict.fromkeys(_TEXTS, _is_text),
    **dict.fromkeys(_NUMBERS, _is_number),
}
_WANTED = {
    "tensor": "bytes",
    "shape": "lists of integers",
    **dict.fromkeys(_TEXTS, "strings"),
    **dict.fromkeys(_NUMBERS, "numbers"),
}


def _tensor(
    given: Mapping[str, pa.Array], row: int, frame_ids: pa.Array, temperature: float, load: Load | None
) -> tuple[PixelTensor | None, bool]:
    """The frame's tensor, or None where it has none that can be measured; and whether the model ran."""
    own = {name: given[name][row].as_py() for name in given if name != "tensor"}
    stored = given["tensor"][row] if "tensor" in given else None
    frame = frame_ids[row].as_py()
    if stored is not None and stored.is_valid:
        array = _decoded(stored, own, frame)
    elif own.get("tensor_uri") is not None:
        array = _loaded(own["tensor_uri"], frame, load)
    else:
        return None, False
    kind = own.get("kind") or "probs"
    if kind not in KINDS:
        raise TableError(f"frame {frame!r}: `kind` is {kind!r}; write `probs` or `logits`")
    if array is None:
        return None, True
    numbers = {name: own[name] for name in _NUMBERS if own.get(name) is not None}
    try:
        return pixel_tensor(array, kind=cast(Kind, kind), temperature=temperature, **numbers), True
    except ValueError:
        return None, True  # of another rank, dtype or scale: nothing that can be measured


def _decoded(stored: Any, own: Mapping[str, Any], frame: object) -> npt.NDArray[Any] | None:
    """The bytes as an array, without a copy; None where they are not of their shape and dtype."""
    if own.get("dtype") not in DTYPES:
        raise TableError(f"frame {frame!r}: `dtype` is {own.get('dtype')!r}; write one of {', '.join(DTYPES)}")
    dtype = np.dtype(own["dtype"]).newbyteorder("<")
    shape = own.get("shape") or ()
    buffer = stored.as_buffer()
    if None in shape or any(n < 0 for n in shape) or int(np.prod(shape, dtype=object)) * dtype.itemsize != buffer.size:
        return None
    return np.frombuffer(buffer, dtype).reshape(shape)


def _loaded(uri: str, frame: object, load: Load | None) -> npt.NDArray[Any]:
    if load is None:
        raise TableError(f"frame {frame!r}: `tensor_uri` is {uri!r}, but nothing was given to read it; give a `load`")
    try:
        return np.asarray(load(uri))
    except TableError as error:
        raise TableError(f"frame {frame!r}: {error}") from error
