"""The ledger's tables as they are now; how older ones are brought to this form is in `migrations/`."""

from __future__ import annotations

import sqlalchemy as sa

LEDGER_FORMAT = 2
"""What `meta` has under `format`.

1: `meta` (name, value); `events` as `state.Event`, its payload as JSON.
2: events can be found by round in order, and by round and kind; `alembic_version` says which migrations were done.
"""

METADATA = sa.MetaData()
META = sa.Table("meta", METADATA, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String))
EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_key", sa.String, nullable=False, unique=True),
    sa.Column("round_id", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("tool_version", sa.String, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Index("ix_events_round_id_seq", "round_id", "seq"),
    sa.Index("ix_events_round_id_kind_seq", "round_id", "kind", "seq"),
    sqlite_autoincrement=True,
)
_VERSION = sa.Table(
    "alembic_version",
    METADATA,
    sa.Column("version_num", sa.String(32), primary_key=True),
)


def read_format(connection: sa.Connection) -> str | None:
    """Which format the ledger is of; None where there is no ledger yet."""
    if not sa.inspect(connection).has_table(META.name):
        return None
    return connection.execute(sa.select(META.c.value).where(META.c.name == "format")).scalar()


def make_tables(connection: sa.Connection) -> None:
    """Make an empty ledger of the present format, which needs no migration."""
    METADATA.create_all(connection)
    connection.execute(sa.insert(META).values(name="format", value=str(LEDGER_FORMAT)))
    connection.execute(sa.insert(_VERSION).values(version_num=str(LEDGER_FORMAT)))
