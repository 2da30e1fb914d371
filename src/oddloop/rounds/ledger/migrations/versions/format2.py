"""Format 2: events can be found by round in order, and by round and kind, however many a round has."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = None


def upgrade() -> None:
    """From format 1."""
    op.drop_index("ix_events_round_id", table_name="events")
    op.create_index("ix_events_round_id_seq", "events", ["round_id", "seq"])
    op.create_index("ix_events_round_id_kind_seq", "events", ["round_id", "kind", "seq"])
    op.execute(sa.text("UPDATE meta SET value = '2' WHERE name = 'format'"))
