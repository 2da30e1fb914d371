"""Group the scenes, and show a card per cluster: what it is, how rare, why it may matter, and how it is called.

Clusters keep their ids when discovery runs again on more scenes or with a new model.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from oddloop.cli.discover_export import export
from oddloop.cli.discover_names import name, settle
from oddloop.cli.discover_page import page
from oddloop.cli.discover_run import run_discovery, said_of
from oddloop.cli.discover_show import events, show
from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import err, out, print_json, print_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import Discovery

app = typer.Typer(invoke_without_command=True, help=__doc__)
for command in (show, page, name, settle, events, export):
    app.command()(command)

_COLUMNS = ("rank", "cluster", "name", "status", "scenes", "logs", "labelled", "set apart by", "why here")


@app.callback()
def discover(
    context: typer.Context,
    workspace: WorkspaceOption = ".",
    top: Annotated[int, typer.Option("--top", min=1, help="Show this many cards.")] = 20,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit the basis of scene vectors anew: vectors and map move.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run discovery where it is stale, and list the cards."""
    if context.invoked_subcommand:
        return
    opened = Workspace.open(workspace)
    found = run_discovery(opened, quiet=as_json, refit=refit)
    if as_json:
        print_json(_as_json(found))
        return
    cards = found.cards.slice(0, top).to_pylist()
    print_table(f"Clusters: {len(cards)} of {found.cards.num_rows}", _COLUMNS, [_row(found, card) for card in cards])
    _say_news(found)


def _row(found: Discovery, card: dict[str, Any]) -> list[object]:
    said = found.names.get(card["cluster_id"])
    traits = ", ".join(f"{t['attribute']}={t['value']} {t['share']:.0%}" for t in card["traits"][:2])
    share = f"{card['n_labelled']:,} of {card['n_scenes']:,}"
    state = (said.name or None, said.status) if said else (None, "new")
    return [
        card["rank"],
        card["cluster_id"],
        *state,
        card["n_scenes"],
        card["n_logs"],
        share,
        traits,
        card["rank_text"],
    ]


def _say_news(found: Discovery) -> None:
    changes = found.lasting.events.to_pylist()
    counts = {kind: sum(e["event"] == kind for e in changes) for kind in dict.fromkeys(e["event"] for e in changes)}
    if changes:
        err.print("Since the run before: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    for question in found.questions:
        out.print(f"Question: {question.text}")


def _as_json(found: Discovery) -> dict[str, Any]:
    cards = [{**card, "said": said_of(found, card["cluster_id"])} for card in found.cards.to_pylist()]
    return {
        "digest": found.lasting.discover_digest,
        "clusters": cards,
        "events": found.lasting.events.to_pylist(),
        "questions": [vars(question) for question in found.questions],
    }
