"""The declared tables: which types can stand for which, and what is made from the declarations."""

from __future__ import annotations

import pyarrow as pa
import pytest

from oddloop.derived_tables import DERIVED
from oddloop.tables import BOX, INPUTS, TASKS, TRAJECTORY, TableSpec, is_compatible

F16, F32, F64, I8, I32, I64, U16 = (
    pa.float16(), pa.float32(), pa.float64(), pa.int8(), pa.int32(), pa.int64(), pa.uint16()
)  # fmt: skip
TEXT = pa.string()
SCORE = pa.field("score", F32, nullable=False)
TABLES = [*INPUTS, *DERIVED]

COMPATIBLE = [
    # found, wanted, whether
    (TEXT, TEXT, True),
    (pa.large_string(), TEXT, True),
    (pa.string_view(), TEXT, True),
    (pa.dictionary(I32, TEXT), TEXT, True),
    (pa.binary(), TEXT, False),
    (I64, TEXT, False),
    # numbers: any width; whole ones may stand for floats, not the other way round
    (I8, I64, True),
    (U16, I64, True),
    (I64, F64, True),
    (F16, F32, True),
    (F64, F32, True),
    (F64, I64, False),
    (TEXT, I64, False),
    (pa.timestamp("ns"), I64, False),
    (pa.decimal128(9, 2), F64, False),
    # booleans are no numbers
    (pa.bool_(), pa.bool_(), True),
    (pa.bool_(), I64, False),
    (I8, pa.bool_(), False),
    # a column of nothing but null can be read as anything
    (pa.null(), TEXT, True),
    (pa.list_(pa.null()), pa.list_(BOX), True),
    # lists: of whatever kind; their values must fit
    (pa.list_(F64), pa.list_(F32), True),
    (pa.large_list(F32), pa.list_(F32), True),
    (pa.list_(F32, 16), pa.list_(F32), True),
    (pa.list_(TEXT), pa.list_(F32), False),
    (F32, pa.list_(F32), False),
    (pa.list_(F32), F32, False),
    # lists of a fixed size: another fixed size never fits, and of a free size the values decide
    (pa.list_(F32, 2), pa.list_(F32, 2), True),
    (pa.list_(F32, 3), pa.list_(F32, 2), False),
    (pa.list_(F32), pa.list_(F32, 2), True),
    # structs: by name, extra fields allowed, fields that may be null may be missing
    (pa.struct([("label", TEXT), ("score", F64)]), pa.struct([SCORE]), True),
    (pa.struct([("label", TEXT)]), pa.struct([SCORE]), False),
    (pa.struct([("score", TEXT)]), pa.struct([SCORE]), False),
    (pa.struct([("score", F32)]), pa.struct([SCORE, ("probs", pa.list_(F32))]), True),
    (pa.list_(F32), pa.struct([SCORE]), False),
]


@pytest.mark.parametrize(("found", "wanted", "expected"), COMPATIBLE)
def test_types_that_can_be_read_as_others(found: pa.DataType, wanted: pa.DataType, expected: bool) -> None:
    assert is_compatible(found, wanted) is expected


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_every_table_can_be_read_as_itself(spec: TableSpec) -> None:
    assert all(is_compatible(column.type, column.type) for column in spec.columns)


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_the_schema_carries_meaning_and_unit(spec: TableSpec) -> None:
    schema = spec.schema()
    assert schema.names == [column.name for column in spec.columns]
    for column in spec.columns:
        field = schema.field(column.name)
        assert field.type == column.type
        assert field.metadata == {b"meaning": column.meaning.encode(), b"unit": column.unit.encode()}


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_empty_tables_have_all_columns_and_no_rows(spec: TableSpec) -> None:
    empty = spec.empty()
    assert (empty.num_rows, empty.schema) == (0, spec.schema())


@pytest.mark.parametrize("spec", TABLES, ids=lambda spec: spec.name)
def test_keys_and_references_are_columns_that_must_be_there(spec: TableSpec) -> None:
    required = {column.name for column in spec.required()}
    if spec.name == "predictions/risk":  # a risk may be of the frame, which has no agent
        required.add("agent_id")
    assert {*spec.key, *(column for column, _ in spec.references)} <= required
    assert len({column.name for column in spec.columns}) == len(spec.columns)


def test_references_name_tables_whose_key_is_that_column() -> None:
    by_name = {spec.name: spec for spec in INPUTS}
    for spec in INPUTS:
        for column, target in spec.references:
            assert by_name[target].key == (column,)


def test_every_column_says_what_it_means() -> None:
    assert [c.name for spec in TABLES for c in spec.columns if not c.meaning] == []


def test_names_with_units_declare_them() -> None:
    """`_s`, `_m` and `_ns` in a name are units (docs: glossary), so the declaration must give the same."""
    units = {"_ns": "ns since the Unix epoch", "_s": "s", "_m": "m"}
    for column in (c for spec in TABLES for c in spec.columns):
        suffix = next((s for s in units if column.name.endswith(s)), None)
        if suffix is not None:
            assert column.unit == units[suffix], column.name


def test_a_table_finds_its_columns_by_name() -> None:
    assert TRAJECTORY.column("modes") in TRAJECTORY.columns
    assert TRAJECTORY.column("colour") is None


def test_tasks_are_named_as_their_tables() -> None:
    assert {f"predictions/{task}" for task in TASKS} == {spec.name for spec in TASKS.values()}
