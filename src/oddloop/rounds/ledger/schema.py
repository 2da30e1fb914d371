"""The ledger's tables, and which format they are of."""

from __future__ import annotations

import sqlalchemy as sa

from oddloop.errors import LedgerError

LEDGER_FORMAT = 1
"""Format 1: `meta` (name, value); `events` as `state.Event`, its payload as JSON."""

METADATA = sa.MetaData()
META = sa.Table("meta", METADATA, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String))
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_key", sa.String, nullable=False, unique=True),
    sa.Column("round_id", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("tool_version", sa.String, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)


def make_tables(connection: sa.Connection, place: str) -> None:
    """Make the tables where there are none yet.

    Raises:
        LedgerError: the ledger is of another format.
    """
    METADATA.create_all(connection)
    found = connection.execute(sa.select(META.c.value).where(META.c.name == "format")).scalar()
    if found is None:
        connection.execute(sa.insert(META).values(name="format", value=str(LEDGER_FORMAT)))
    elif found != str(LEDGER_FORMAT):
        raise LedgerError(f"{place}: ledger format {found}, this oddloop reads {LEDGER_FORMAT}; upgrade oddloop")
