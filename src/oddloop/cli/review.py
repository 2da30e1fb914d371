"""Review the picks of a round: approve, reject, defer or swap them, and finish; on a terminal one by one."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer

from oddloop.cli.options import AuthorOption, JsonOption, WorkspaceOption
from oddloop.cli.review_decide import decide_on
from oddloop.cli.review_interactive import review_one_by_one
from oddloop.cli.review_show import print_review, sum_line
from oddloop.cli.shell import make_author
from oddloop.cli.terminal import out, print_json
from oddloop.errors import LedgerError, WorkspaceError
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.propose import write_files
from oddloop.rounds.review import finish as finish_review
from oddloop.rounds.review import list_review, round_to_review
from oddloop.rounds.state import RoundState

app = typer.Typer(invoke_without_command=True, help=__doc__)
RoundOption = Annotated[str, typer.Option("--round", help="Round; without it, the open one, or the newest with picks.")]
Scenes = Annotated[list[str], typer.Argument(metavar="SCENE...", help="Scenes.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
Seen = Annotated[
    int | None, typer.Option("--seen", help="Number of the last decision on the scene that you have seen.")
]


@app.callback()
def review(
    context: typer.Context,
    workspace: WorkspaceOption = ".",
    round_id: RoundOption = "",
    author: AuthorOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the picks with their reasons, what was decided, and the cost; on a terminal, ask about each."""
    if context.invoked_subcommand:
        return
    opened = Workspace.open(workspace)
    ledger = open_ledger(opened)
    state = find_round(ledger, round_id)
    if as_json:
        print_json(list_review(state))
        return
    if state.status == "proposed" and sys.stdin.isatty() and out.is_terminal:
        review_one_by_one(opened, ledger, state.round_id, make_author(author).name)
        return
    print_review(list_review(state))


def approve(scenes: Scenes, reason: Reason = "", seen: Seen = None, workspace: WorkspaceOption = ".",
            round_id: RoundOption = "", author: AuthorOption = "", as_json: JsonOption = False) -> None:  # fmt: skip
    """Approve picks."""
    _decide("approve", scenes, reason, seen, (workspace, round_id, author), as_json=as_json)


def reject(scenes: Scenes, reason: Reason = "", seen: Seen = None, workspace: WorkspaceOption = ".",
           round_id: RoundOption = "", author: AuthorOption = "", as_json: JsonOption = False) -> None:  # fmt: skip
    """Reject picks, with a reason; they are no candidates of later rounds."""
    _decide("reject", scenes, reason, seen, (workspace, round_id, author), as_json=as_json)


def defer(scenes: Scenes, reason: Reason = "", seen: Seen = None, workspace: WorkspaceOption = ".",
          round_id: RoundOption = "", author: AuthorOption = "", as_json: JsonOption = False) -> None:  # fmt: skip
    """Defer picks; they are no candidates of the next round."""
    _decide("defer", scenes, reason, seen, (workspace, round_id, author), as_json=as_json)


def swap(scenes: Scenes, reason: Reason = "", seen: Seen = None, workspace: WorkspaceOption = ".",
         round_id: RoundOption = "", author: AuthorOption = "", as_json: JsonOption = False) -> None:  # fmt: skip
    """Reject picks, with a reason, and let the policy take the next best that fits the budget."""
    _decide("swap", scenes, reason, seen, (workspace, round_id, author), as_json=as_json)


def undo(scenes: Scenes, reason: Reason = "", seen: Seen = None, workspace: WorkspaceOption = ".",
         round_id: RoundOption = "", author: AuthorOption = "", as_json: JsonOption = False) -> None:  # fmt: skip
    """Take decisions back; a scene that was rejected or deferred in an earlier round becomes a candidate again."""
    _decide("undo", scenes, reason, seen, (workspace, round_id, author), as_json=as_json)


for _command in (approve, reject, defer, swap, undo):
    app.command()(_command)


@app.command()
def finish(
    approve_rest: Annotated[bool, typer.Option("--approve-rest", help="Approve what nobody has decided on.")] = False,
    keep: Annotated[
        int | None, typer.Option("--keep", metavar="N", help="Keep the first N approved, in the order of the policy.")
    ] = None,
    workspace: WorkspaceOption = ".",
    round_id: RoundOption = "",
    author: AuthorOption = "",
    as_json: JsonOption = False,
) -> None:
    """End the review: what is approved is what will be labelled."""
    opened = Workspace.open(workspace)
    ledger = open_ledger(opened)
    state = find_round(ledger, round_id)
    event = finish_review(ledger, state.round_id, make_author(author), approve_rest=approve_rest, keep=keep)
    # The files follow from the ledger; where somebody else is writing now, the next run does it.
    with contextlib.suppress(WorkspaceError), locked(opened.storage):
        write_files(opened, ledger.round(state.round_id))
    if as_json:
        print_json({"round_id": event.round_id, "seq": event.seq, **event.payload})
        return
    picks, unit = event.payload["picks"], state.proposal.get("cost_unit", "")
    gone = ", ".join(f"{len(event.payload[what])} {what}" for what in ("rejected", "deferred", "cut"))
    out.print(f"{event.round_id} is reviewed: {len(picks)} picks for {event.payload['cost']:,.2f} {unit}; {gone}.")


def find_round(ledger: Ledger, round_id: str) -> RoundState:
    """A round by its id; "" is the open one that has picks, or else the newest that has.

    Raises:
        LedgerError: there is none.
    """
    if round_id:
        return ledger.round(round_id)
    state = round_to_review(ledger.rounds())
    if state is None:
        raise LedgerError("no round has picks to review yet; `oddloop run` proposes them")
    return state


def _decide(
    decision: str, scenes: list[str], reason: str, seen: int | None, who: tuple[str, str, str], *, as_json: bool
) -> None:
    workspace, round_id, author = who
    opened = Workspace.open(workspace)
    ledger = open_ledger(opened)
    if seen is not None and len(scenes) > 1:
        raise LedgerError(f"--seen {seen} is of one scene, and {len(scenes)} are given; decide on them one by one")
    round_ = find_round(ledger, round_id).round_id
    asked = decide_on(opened, ledger, round_, make_author(author), (decision, reason.strip(), seen), scenes)
    listed = list_review(ledger.round(round_))
    if as_json:
        shown = {name: listed[name] for name in ("round_id", "cost", "left", "n_undecided")}
        print_json({**shown, "decided": asked.to_json(), "errors": asked.errors})
    else:
        for line in asked.lines:
            out.print(line)
        out.print(sum_line(listed))
    if asked.errors:
        raise LedgerError("\n".join(asked.errors))
