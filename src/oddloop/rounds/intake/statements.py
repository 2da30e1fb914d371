"""What is asked of the intake's database; made once, since making a statement takes longer than SQLite takes for it."""

from __future__ import annotations

import sqlalchemy as sa

from oddloop.rounds.intake.schema import ANSWERS, HOURS, KEPT


def _among(column: sa.Column[str], name: str) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam(name, expanding=True))


FIND_ANSWERS = sa.select(ANSWERS).where(
    _among(ANSWERS.c.scene_id, "scene_ids"), _among(ANSWERS.c.request_id, "requests")
)
LIST_ANSWERS = (
    sa.select(ANSWERS).where(ANSWERS.c.seq > sa.bindparam("since")).order_by(ANSWERS.c.seq).limit(sa.bindparam("n"))
)
LAST_SEQ = sa.select(sa.func.max(ANSWERS.c.seq))
COUNT_HOUR = sa.select(HOURS.c.segment, HOURS.c.n_kept).where(HOURS.c.hour == sa.bindparam("hour"))
LIST_HOURS = sa.select(HOURS).order_by(HOURS.c.hour, HOURS.c.segment)
FIND_WEAKEST = (
    sa.select(KEPT.c.drawn, KEPT.c.scene_id)
    .where(KEPT.c.hour == sa.bindparam("hour"), KEPT.c.segment == sa.bindparam("segment"), KEPT.c.let_go_for == "")
    .order_by(KEPT.c.drawn, KEPT.c.scene_id)
    .limit(sa.bindparam("n"))
)
FIND_KEPT = sa.select(KEPT.c.scene_id).where(_among(KEPT.c.scene_id, "scene_ids"), KEPT.c.let_go_for == "")
ADD_ANSWERS = ANSWERS.insert()
DROP_KEPT = KEPT.delete().where(KEPT.c.scene_id == sa.bindparam("gone"))
ADD_KEPT = KEPT.insert()
LET_GO = KEPT.update().where(KEPT.c.scene_id == sa.bindparam("gone")).values(let_go_for=sa.bindparam("by"))
ADD_HOUR = HOURS.insert()
COUNT_MORE = (
    HOURS.update()
    .where(HOURS.c.hour == sa.bindparam("of_hour"), HOURS.c.segment == sa.bindparam("of_segment"))
    .values(n_kept=sa.bindparam("kept_now"))
)
