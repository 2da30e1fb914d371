"""`[review] required`: nothing is sent, and no labels are taken, before somebody has finished the review."""

from __future__ import annotations

from collections.abc import Collection

from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.state import RoundState


def awaits_review(workspace: Workspace, state: RoundState | None) -> bool:
    """Whether a round has to be reviewed before anything else happens to its picks."""
    return workspace.config.review.required and state is not None and state.status == "proposed"


def refuse_unreviewed(workspace: Workspace, state: RoundState | None, scene_ids: Collection[str], what: str) -> None:
    """Refuse to go on with picks that wait for their review.

    Args:
        workspace: for `[review] required`.
        state: the open round.
        scene_ids: scenes to go on with; those that are no picks are let through.
        what: what was wanted, such as `sent`.

    Raises:
        LedgerError: one of them is a pick of a round that must be reviewed first.
    """
    if state is None or not awaits_review(workspace, state):
        return
    if waiting := sorted(set(scene_ids) & set(state.pick_ids)):
        raise LedgerError(
            f"{len(waiting)} picks of {state.round_id}, first {waiting[0]!r}, cannot be {what} before they are "
            "reviewed ([review] required = true); run `oddloop review`, then `oddloop review finish`"
        )


def refuse_to_send(workspace: Workspace, state: RoundState) -> None:
    """Refuse to send picks before their review is finished, where one is required, or has begun.

    Raises:
        LedgerError: says which.
    """
    if state.status != "proposed":
        return
    refuse_unreviewed(workspace, state, state.pick_ids, "sent")
    if state.decisions:
        raise LedgerError(
            f"the review of {state.round_id} has begun and is not finished, so it is not known which picks to send; "
            "run `oddloop review finish`"
        )
