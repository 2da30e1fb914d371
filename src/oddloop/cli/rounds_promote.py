"""Put a model into service, or show which one is."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_author
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.errors import DeployError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.deploy import Promoted, deliveries
from oddloop.rounds.deploy import promote as put_into_service
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.model import known_models
from oddloop.rounds.state import MODELS


def promote(
    model: Annotated[str, typer.Argument(help="Model, such as m003; without one, the models are listed.")] = "",
    workspace: WorkspaceOption = ".",
    why: Annotated[str, typer.Option("--why", help="Why, for the record.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Put a model into service, an older one too: hooks are told, and it is the one that is scored next.

    The same model again tells those hooks that could not be told before.
    """
    opened = Workspace.open(workspace)
    with contextlib.closing(open_ledger(opened)) as ledger:
        if not model:
            _list_models(opened, ledger, as_json=as_json)
            return
        done = put_into_service(opened, ledger, model, why, make_author)
    if as_json:
        print_json(asdict(done))
    else:
        _tell(done)
    if done.waiting:
        raise DeployError(
            f"{done.model_id} is in service in the ledger, but not yet delivered to: {', '.join(done.waiting)}; "
            f"`oddloop rounds promote {done.model_id}` tries again"
        )


def _tell(done: Promoted) -> None:
    where = f", trained in {done.round_id}" if done.round_id else ""
    state = "is in service now" if done.is_new else "was in service already"
    out.print(f"{done.model_id}{where}, {state}. Next: `oddloop run` scores its predictions.")
    for delivery in done.deliveries:
        out.print(f"{delivery.hook} {'told' if delivery.is_delivered else 'failed'}: {delivery.detail}")


def _list_models(workspace: Workspace, ledger: Ledger, *, as_json: bool) -> None:
    promotion, waiting = deliveries(workspace, ledger.events(MODELS))
    serving = promotion.payload["model_id"] if promotion else None
    rows = [
        {
            "model_id": model_id,
            "round_id": round_id or None,
            "in_service": model_id == serving,
            "why": promotion.payload["why"] if promotion and model_id == serving else None,
            "not_delivered": waiting if model_id == serving else [],
        }
        for model_id, round_id in known_models(workspace, ledger.rounds()).items()
    ]
    if as_json:
        print_json(rows)
        return
    cells = [[r["model_id"], r["round_id"], "yes" if r["in_service"] else "", r["why"]] for r in rows]
    print_table("Models", ("model", "round", "in service", "why"), cells)
    if waiting:
        out.print(f"Not yet delivered to: {', '.join(waiting)}; `oddloop rounds promote {serving}` tries again.")
