"""The intake's tables: `intake.db` beside the ledger, or the ledger's own database where one is named."""

from __future__ import annotations

import sqlalchemy as sa

INTAKE_FORMAT = 1
"""Format 1: `intake_answers`, one row per answer; `intake_kept`, one per scene that was ever kept; `intake_hours`."""

METADATA = sa.MetaData()
META = sa.Table("intake_meta", METADATA, sa.Column("format", sa.Integer, primary_key=True))
ANSWERS = sa.Table(
    "intake_answers",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("scene_id", sa.String, nullable=False),
    sa.Column("request_id", sa.String, nullable=False),
    sa.Column("keep", sa.Boolean, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("segment", sa.String, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("threshold", sa.Float),
    sa.Column("model_id", sa.String, nullable=False),
    sa.Column("hour", sa.Integer, nullable=False),
    sa.Column("drawn", sa.Float, nullable=False),
    sa.Column("instead_of", sa.String, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.UniqueConstraint("scene_id", "request_id"),
)
KEPT = sa.Table(
    "intake_kept",
    METADATA,
    sa.Column("scene_id", sa.String, primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("hour", sa.Integer, nullable=False),
    sa.Column("segment", sa.String, nullable=False),
    sa.Column("drawn", sa.Float, nullable=False),
    sa.Column("let_go_for", sa.String, nullable=False),
    sa.Index("ix_intake_kept_places", "hour", "segment", "let_go_for", "drawn", "scene_id"),
)
"""`let_go_for`: the scene that has taken its place; "" where it is kept."""
HOURS = sa.Table(
    "intake_hours",
    METADATA,
    sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("segment", sa.String, primary_key=True),
    sa.Column("n_kept", sa.Integer, nullable=False),
)
