"""Random prediction batches that no declaration describes, and random settings to score them by.

A batch begins as its table is declared. Then, at any level, another type is put in its place, values are null, missing,
not finite or of no distribution, lists are ragged, and the buffers lie as Arrow permits them to lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import get_args

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.config.detection import DetectionConfig, DetectionMeasure
from oddloop.config.score import Measure, Reduction
from oddloop.tables import TableSpec

WIDTHS = (pa.float16(), pa.float32(), pa.float64())
WRONG = (
    *(pa.int64(), pa.uint8(), pa.bool_(), pa.string(), pa.null(), pa.binary(), pa.decimal128(12, 3)),
    *(pa.timestamp("ns"), pa.dictionary(pa.int8(), pa.float32()), pa.dictionary(pa.int8(), pa.string())),
    *(pa.struct([pa.field("probs", pa.float32())]), pa.list_(pa.float32()), pa.list_view(pa.float32())),
    *(pa.map_(pa.string(), pa.float32()), pa.fixed_shape_tensor(pa.float32(), [2])),
)
TEXTS = (
    *(pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())),
    pa.dictionary(pa.int8(), pa.large_string()),
)
LISTS = (pa.list_, pa.list_, pa.large_list, lambda items: pa.list_(items, 2), pa.list_view)
NUMBERS = (
    *(0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 0.25, 0.75, 0.1, -0.0, -0.5, 2.0, 1e-45, 1e-320, 6e4, 1e38, -1e38, 1e308),
    *(float("nan"), float("inf"), -float("inf"), None),
)
DISTRIBUTIONS = ([1.0], [0.5, 0.5], [0.25, 0.75], [0.2, 0.3, 0.5], [0.0, 1.0], [0.25] * 4)
STRINGS = ("a", "b", "", "none", "\x00", "ä", None)


def random_config(rng: Random) -> ScoreConfig:
    """Settings that are allowed, all of them."""
    return ScoreConfig(
        reductions=_some(rng, get_args(Reduction)),
        top_k=rng.randint(1, 3),
        labels=rng.choice(((), ("a",), ("a", "none"))),
        measures=_some(rng, get_args(Measure)),
        temperature=rng.choice((1.0, 0.3, 5.0)),
        detection=DetectionConfig(
            measures=_some(rng, get_args(DetectionMeasure)),
            group_iou=rng.choice((0.1, 0.5, 1.0)),
            group_across_classes=rng.random() < 0.5,
            class_difficulty=rng.choice(({}, {"a": 0.5}, {"a": 0.0, "b": 1.0})),
            weighted_min_size_px=rng.choice((0.0, 16.0)),
        ),
    )


def random_batch(rng: Random, spec: TableSpec) -> pa.Table:
    """A malformed batch of a prediction table, of at most five rows."""
    n = rng.randint(0, 5)
    columns = {c.name: _array(rng, _type(rng, c.type), n) for c in spec.columns}
    for name in (c.name for c in spec.columns if c.type == pa.string()):
        if rng.random() < 0.8:  # else nearly every batch would be refused for its ids
            columns[name] = pa.array([f"{name}{i // 2}" for i in range(n)], rng.choice(TEXTS[:2]))
    if "tensor" in columns and rng.random() < 0.6:  # else hardly any bytes would be of their shape
        columns |= _tensors(rng, n)
    names = _names(rng, list(columns))
    return _laid_out(rng, pa.Table.from_arrays([columns[name] for name in names], names=names))


def _tensors(rng: Random, n: int) -> dict[str, pa.Array]:
    """Tensors of two classes and two pixels, now and then of no distribution or of other bytes."""
    shares = [
        rng.choice((0.5, 0.25, 1.0, float("nan"), 2.0) if rng.random() < 0.2 else (0.5, 0.25, 1.0)) for _ in range(n)
    ]
    stored = [np.array([[[p, p]], [[1 - p, 1 - p]]], np.float32).tobytes() for p in shares]
    stored = [value if rng.random() < 0.9 else rng.choice((b"", b"123", None)) for value in stored]
    shapes = [rng.choice(([2, 1, 2], [1, 2, 1, 2])) if rng.random() < 0.9 else None for _ in range(n)]
    return {
        "tensor": pa.array(stored, rng.choice((pa.binary(), pa.large_binary()))),
        "shape": pa.array(shapes, rng.choice((pa.list_(pa.int64()), pa.large_list(pa.int32())))),
        "dtype": pa.array(["float32"] * n, rng.choice(TEXTS)),
        "kind": pa.array(rng.choices((None, "probs", "logits"), k=n), pa.string()),
        "tensor_uri": pa.nulls(n, pa.string()),
    }


def _some(rng: Random, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(rng.sample(names, rng.randint(1, len(names))))


def _names(rng: Random, names: list[str]) -> list[str]:
    """The columns as they are, in another order, with one of them missing, or one of them twice."""
    how = rng.random()
    if how < 0.05:
        names.remove(rng.choice(names))
    elif how < 0.1:
        names.append(rng.choice(names))
    elif how < 0.3:
        rng.shuffle(names)
    return names


def _laid_out(rng: Random, table: pa.Table) -> pa.Table:
    """The rows as a slice of a longer table, in chunks of which one is empty, or in no chunk at all."""
    how, cut = rng.random(), rng.randint(0, table.num_rows)
    if how < 0.25:
        return table.slice(cut, rng.randint(0, table.num_rows))
    if how < 0.5:
        return pa.concat_tables([table.slice(0, cut), table.slice(cut, 0), table.slice(cut)])
    if how < 0.55:
        return pa.table([pa.chunked_array([], field.type) for field in table.schema], names=table.column_names)
    return table


def _type(rng: Random, kind: pa.DataType) -> pa.DataType:
    """The declared type or, one time in fourteen at each level, another."""
    if rng.random() < 0.07:
        return rng.choice(WRONG)
    if pa.types.is_floating(kind):
        return rng.choice((kind, kind, *WIDTHS))
    if pa.types.is_struct(kind):
        fields = [pa.field(f.name, _type(rng, f.type)) for f in kind if rng.random() < 0.95]
        rng.shuffle(fields)
        return pa.struct(fields)
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return rng.choice(LISTS if rng.random() < 0.3 else LISTS[:1])(_type(rng, kind.value_type))
    return rng.choice(TEXTS) if kind == pa.string() else kind


def _array(rng: Random, kind: pa.DataType, n: int) -> pa.Array:
    """(n,) values of a type, null at times; a list that is null may still span values, which Arrow permits."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _lists(rng, kind, n)
    if pa.types.is_fixed_size_list(kind):
        items = _array(rng, kind.value_type, n * kind.list_size)
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=_mask(rng, n))
    if pa.types.is_struct(kind) and kind.num_fields:
        fields = [_array(rng, field.type, n) for field in kind]
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=_mask(rng, n))
    return _leaves(rng, kind, n)


def _lists(rng: Random, kind: pa.DataType, n: int) -> pa.Array:
    is_large = pa.types.is_large_list(kind)
    if pa.types.is_floating(kind.value_type) and rng.random() < 0.6:
        rows = rng.choices(DISTRIBUTIONS, k=n) if rng.random() < 0.5 else [rng.choice(DISTRIBUTIONS)] * n
        lengths, items = [len(row) for row in rows], _floats([x for row in rows for x in row], kind.value_type)
    else:
        lengths = [rng.randint(0, 3) for _ in range(n)] if rng.random() < 0.5 else [rng.randint(1, 2)] * n
        items = _array(rng, kind.value_type, sum(lengths))
    offsets = pa.array(np.cumsum([0, *lengths]), pa.int64() if is_large else pa.int32())
    maker = pa.LargeListArray if is_large else pa.ListArray
    return maker.from_arrays(offsets, items, type=kind, mask=_mask(rng, n))


def _mask(rng: Random, n: int) -> pa.Array | None:
    """Which of n are null; mostly none."""
    return pa.array([rng.random() < 0.3 for _ in range(n)], pa.bool_()) if rng.random() < 0.15 else None


def _leaves(rng: Random, kind: pa.DataType, n: int) -> pa.Array:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_floating(values):
        numbers = _floats(rng.choices(NUMBERS[:8] if rng.random() < 0.5 else NUMBERS, k=n), values)
        return numbers.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else numbers
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return pa.array(rng.choices((0, 1, None), k=n), pa.int64()).cast(kind)
    if pa.types.is_binary(kind):
        return pa.array(rng.choices((b"\xff", b"", None), k=n), kind)
    is_text = pa.types.is_string(values) or pa.types.is_large_string(values) or pa.types.is_string_view(values)
    return pa.array(rng.choices(STRINGS, k=n), kind) if is_text else pa.nulls(n, kind)


def _floats(values: list[float | None], kind: pa.DataType) -> pa.Array:
    with np.errstate(over="ignore"):
        numbers = np.array([0.0 if v is None else v for v in values]).astype(kind.to_pandas_dtype())
    return pa.array(numbers, kind, mask=np.array([v is None for v in values], np.bool_))
