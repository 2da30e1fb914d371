"""Large JSON files as DuckDB tables: read in a stream, with the columns that are asked for and no others.

Memory of an array of objects is DuckDB's, which spills to disk; a file that is one object is held in memory once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import duckdb

from oddloop.errors import Fault
from oddloop.exchange.sources.base import PartError, reading

Connection: TypeAlias = duckdb.DuckDBPyConnection


def connect() -> Connection:
    """A database in memory."""
    return duckdb.connect(config={"preserve_insertion_order": "true"})


def add_array(con: Connection, table: str, file: Path, columns: Mapping[str, str]) -> None:
    """Append a JSON file that is an array of objects to a table, made where it is not there; `file` becomes a column.

    Args:
        con: the database.
        table: its name.
        file: the file.
        columns: SQL type by key; keys that an object lacks are null, other keys are passed over.

    Raises:
        PartError: the file is missing, cut short, not JSON, not such an array, or a value is of another type.
    """
    _append(con, table, file, columns, "array")


def add_object(con: Connection, table: str, file: Path, columns: Mapping[str, str]) -> None:
    """The same for a file that is one object: one row of it.

    Raises:
        PartError: see `add_array`.
    """
    _append(con, table, file, columns, "unstructured")


def is_array(file: Path) -> bool:
    """Whether a JSON file begins as an array.

    Raises:
        PartError: it cannot be read, is empty, or begins as neither array nor object, or does not end as it began.
    """
    with reading(file), file.open("rb") as stream:
        head = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        stream.seek(max(0, stream.seek(0, 2) - 4096))
        tail = stream.read().rstrip()[-1:]
    if (head, tail) not in ((b"[", b"]"), (b"{", b"}")):
        raise PartError.of(file, "unreadable", "it is empty, cut short, or no JSON array or object; copy it again")
    return head == b"["


def refuse_faults(con: Connection, checks: Iterable[tuple[str, str, str]]) -> None:
    """Ask for what must not be, and refuse all that is found at once: of each kind the first, and how many.

    Args:
        con: the database.
        checks: slug, message with a place for `what`, and a query for the columns `file` and `what` of what is wrong.

    Raises:
        PartError: something is.
    """
    faults = []
    for code, message, query in checks:
        bad = con.execute(f"SELECT file, what, count(*) OVER () FROM ({query}) LIMIT 1").fetchone()
        if bad is not None:
            faults.append(Fault("source", str(bad[0]), -1, code, message.format(bad[1]), bad[2]))
    if faults:
        raise PartError(faults)


def _append(con: Connection, table: str, file: Path, columns: Mapping[str, str], form: str) -> None:
    if is_array(file) != (form == "array"):
        wanted = "an array" if form == "array" else "an object"
        raise PartError.of(file, "other-format", f"it is not {wanted}, as this file should be; is it another's place?")
    size = max(file.stat().st_size + 1, 16 << 20)
    read = f"read_json(?, format = '{form}', columns = {dict(columns)}, maximum_object_size = {min(size, 4 << 30)})"
    parameters = [str(file), str(file)]
    exists = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table]).fetchone() != (0,)
    head = f"INSERT INTO {table}" if exists else f"CREATE TABLE {table} AS"
    try:
        con.execute(f"{head} SELECT *, ?::VARCHAR AS file FROM {read}", parameters)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].replace(f' in file "{file}"', "").partition(": ")[2]
        raise PartError.of(
            file, "unreadable", f"{reason}; it is damaged or of another version, copy it again"
        ) from error
