"""Open a ledger of any format: make one where there is none, migrate an older one, refuse a newer one.

All of it is one transaction of the only writer, so a killed migration has not begun, and of two processes that open an
old ledger at once the second finds it migrated.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from oddloop.errors import LedgerError
from oddloop.rounds.ledger.database import Database
from oddloop.rounds.ledger.schema import LEDGER_FORMAT, make_tables, read_format


def bring_up_to_date(database: Database) -> None:
    """See that the tables are there and of the present format.

    Raises:
        LedgerError: the ledger is of a newer format, or the database cannot be opened.
    """
    with database.reading("open") as connection:
        found = read_format(connection)
    if found == str(LEDGER_FORMAT):  # the usual case takes no turn among the writers
        return
    with database.writing("open") as connection:
        found = read_format(connection)
        if found is None:
            make_tables(connection)
        elif not found.isdecimal() or not 1 <= int(found) <= LEDGER_FORMAT:
            raise LedgerError(
                f"{database.place}: ledger format {found}, this oddloop reads up to {LEDGER_FORMAT}; upgrade oddloop"
            )
        elif int(found) < LEDGER_FORMAT:
            migrate(connection)


def migrate(connection: sa.Connection) -> None:
    """Bring an older ledger to the present format, inside the connection's transaction."""
    # Only here: it takes a tenth of a second to import, and a ledger is migrated once in its life.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    command.upgrade(config, "head")
