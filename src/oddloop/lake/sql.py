"""Texts and names in SQL, as DuckDB, PostgreSQL and Hyper read them."""

from __future__ import annotations


def quoted(text: str) -> str:
    """A text as SQL.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def named(name: str) -> str:
    """A name as SQL.

    >>> named("a b")
    '"a b"'
    """
    return '"' + name.replace('"', '""') + '"'
