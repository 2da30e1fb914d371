"""One card in full, and what became of clusters."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from oddloop.cli.discover_names import ClusterArgument
from oddloop.cli.discover_run import run_discovery, said_of
from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import Discovery, last_clustered, read_lasting
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import DISCOVERY


def show(cluster: ClusterArgument, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Show one cluster: its card, what was said of it, and its scenes to look at."""
    opened = Workspace.open(workspace)
    found = run_discovery(opened, quiet=True)
    card = next((c for c in found.cards.to_pylist() if c["cluster_id"] == cluster), None)
    if card is None:
        raise LedgerError(f"cluster {cluster!r} is not in the newest discovery; `oddloop discover` lists what is")
    if as_json:
        inside = found.lasting.members.filter(pc.field("cluster_id") == cluster)
        print_json({**card, "said": said_of(found, cluster), "scene_ids": inside["scene_id"].to_pylist()})
    else:
        _print_card(found, card)


def _print_card(found: Discovery, card: dict[str, Any]) -> None:
    said = found.names.get(card["cluster_id"])
    out.print(f"{card['cluster_id']}  {said.name if said and said.name else 'no name yet'}")
    out.print(f"rank      {card['rank']} of {found.cards.num_rows}: {card['rank_text']}")
    out.print(f"size      {card['n_scenes']:,} scenes, {card['n_logs']:,} logs, {card['duration_s']:,.0f} s")
    if card["parent_id"]:
        out.print(f"inside    {card['parent_id']}")
    for reason in card["reasons"]:
        out.print(f"{reason['code']:<12}{reason['text']}")
    for kind in ("typical", "extreme", "uncertain"):
        out.print(f"{kind:<12}{', '.join(card[kind]) or '-'}")
    if said:
        out.print(f"{'status':<12}{said.status}, risk {said.risk or '-'}, priority {said.priority or '-'}")
        for note in said.notes:
            out.print(f"{'note':<12}{note.author}: {note.text}")


def events(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """What became of each cluster since the run before."""
    opened = Workspace.open(workspace)
    head = last_clustered(open_ledger(opened).events(DISCOVERY))
    if head is None:
        raise LedgerError("there are no clusters yet; run `oddloop discover` first")
    rows = read_lasting(opened, head).events.to_pylist()
    if as_json:
        print_json(rows)
    else:
        print_table("Clusters since the run before", ("event", "cluster", "what"),
                    [(row["event"], row["cluster_id"], row["text"]) for row in rows])  # fmt: skip
