"""How a table is declared, and the columns that many tables share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa

STRING, INT, FLOAT, FLOAT32, BOOL = pa.string(), pa.int64(), pa.float64(), pa.float32(), pa.bool_()
STRINGS = pa.list_(STRING)
UNKNOWN = "unknown"
"""The value of an attribute that nobody recorded or that the taxonomy does not know."""


@dataclass(frozen=True)
class Column:
    """One column: name, Arrow type, meaning, unit; `required` columns must exist, `nullable` ones may hold null."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    required: bool = True
    nullable: bool = False


@dataclass(frozen=True)
class TableSpec:
    """The declaration of a table.

    Attributes:
        name: table name; also its folder below `lake/` or its file below `derived/<stage>/<digest>/`.
        one_row_per: what one row stands for.
        columns: the declared columns; more may be present.
        key: columns that together name a row; empty where rows have no name.
        references: (column, table) pairs: each value of the column must exist in the table's first key column.
        one_of: optional columns of which a table must have one at least, and each row a value in one at least.
        derived: made by oddloop, not by the user.
        batch_rows: rows that may be held at a time, where one alone is large; None: as many as the settings say.
    """

    name: str
    one_row_per: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    derived: bool = False
    one_of: tuple[str, ...] = ()
    batch_rows: int | None = None

    def schema(self) -> pa.Schema:
        """Arrow schema of all declared columns."""
        return pa.schema([pa.field(c.name, c.type, metadata=_metadata(c)) for c in self.columns])

    def empty(self) -> pa.Table:
        """Table of the declared columns without rows."""
        return self.schema().empty_table()

    def table(self, columns: Mapping[str, object]) -> pa.Table:
        """Table of the declared columns, in their order and types, from columns by name: Arrow's or NumPy's."""
        schema = self.schema()
        return pa.table({name: columns[name] for name in schema.names}).cast(schema)

    def required(self) -> tuple[Column, ...]:
        """Columns that must be present."""
        return tuple(c for c in self.columns if c.required)

    def lacks_all_of(self, present: Collection[str]) -> tuple[str, ...]:
        """The columns of which one must be there, where none of them is; else nothing."""
        return () if set(self.one_of) & set(present) else self.one_of

    def column(self, name: str) -> Column | None:
        """Declaration of a column, or None where the column is the user's own."""
        return next((c for c in self.columns if c.name == name), None)


def _metadata(column: Column) -> dict[str, str]:
    return {"meaning": column.meaning, "unit": column.unit}


SCENE_ID = Column("scene_id", STRING, "names the scene")
FRAME_ID = Column("frame_id", STRING, "names the frame")
LOG_ID = Column("log_id", STRING, "the recording drive that the scene was cut from; the unit of independence")
MODEL_ID = Column("model_id", STRING, "one version of one model")
SEGMENT_ID = Column("segment_id", STRING, "`attribute=value` parts joined by ` & `, in the order of the taxonomy")
