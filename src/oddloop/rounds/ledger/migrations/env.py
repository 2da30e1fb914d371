"""Run by Alembic: migrations are done in the transaction of whoever opened the ledger."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
