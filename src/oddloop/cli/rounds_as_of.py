"""The flag that names a moment of the past: an event's number, or a time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from oddloop.rounds.ledger import Ledger

AsOfOption = Annotated[
    str,
    typer.Option(
        "--as-of",
        help="As it was after the event of this number (`oddloop rounds log`), or at a time such as 2026-05-01T18:00Z.",
    ),
]


def seq_of(ledger: Ledger, text: str) -> int | None:
    """Number of the last event of that moment; None is now. A time without a zone is in UTC."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text}: neither an event's number nor a time such as 2026-05-01T18:00Z", param_hint="--as-of"
        ) from error
    since_epoch = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    seconds, microseconds = since_epoch.days * 86_400 + since_epoch.seconds, since_epoch.microseconds
    return ledger.seq_at(seconds * 10**9 + microseconds * 1000)
