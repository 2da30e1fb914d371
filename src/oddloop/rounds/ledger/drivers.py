"""Which driver speaks to the database that a URL names."""

from __future__ import annotations

import importlib

import sqlalchemy as sa

from oddloop.errors import LedgerError, MissingExtraError

POSTGRES_DRIVERS = ("psycopg", "psycopg2", "pg8000")
"""In this order the first that is installed serves a plain `postgresql://` URL."""


def choose_driver(url: str) -> sa.URL:
    """The URL, with a driver that is installed where it leaves the choice.

    >>> choose_driver("sqlite:///ledger.db").drivername
    'sqlite'

    Raises:
        LedgerError: it is no URL, or of a database that cannot hold a ledger.
        MissingExtraError: no driver for PostgreSQL is installed.
    """
    try:
        parsed = sa.make_url(url)
    except (sa.exc.SQLAlchemyError, ValueError) as error:
        raise LedgerError(
            "[ledger] url: not a database URL; write postgresql://user@host/database, or leave it out for SQLite"
        ) from error
    dialect, _, driver = parsed.drivername.partition("+")
    if dialect not in ("sqlite", "postgresql", "postgres"):
        raise LedgerError(f"{shown(parsed)}: a ledger can be kept in SQLite or PostgreSQL, not in {dialect}")
    if dialect == "sqlite":
        return parsed
    return parsed.set(drivername=f"postgresql+{driver or _installed(parsed)}")


def _installed(url: sa.URL) -> str:
    for driver in POSTGRES_DRIVERS:
        try:
            importlib.import_module(driver)
        except ImportError:  # psycopg is there without the C library that it needs: that counts as absent, too
            continue
        return driver
    raise MissingExtraError(
        f"{shown(url)}: the driver of this database is not installed: one of {', '.join(POSTGRES_DRIVERS)}; "
        "`pip install 'oddloop[postgres]'` brings pg8000"
    )


def shown(url: sa.URL) -> str:
    """The URL without what may be secret: password and query."""
    return url.set(query={}).render_as_string(hide_password=True)
