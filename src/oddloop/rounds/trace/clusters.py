"""Clusters and scenarios that a scene belonged to, each time that they changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oddloop.rounds.discovery.names import CLUSTERED, fold_names
from oddloop.rounds.state import Event
from oddloop.rounds.trace.moment import Moment
from oddloop.rounds.trace.reading import Reader


def memberships(reader: Reader, events: Sequence[Event]) -> Iterator[Moment]:
    """A moment per discovery that put the scene into other clusters than the one before.

    Args:
        reader: reads the members of each discovery.
        events: of the ledger, those beside the rounds that concern clusters.
    """
    names = {cluster: said.name for cluster, said in fold_names(list(events)).items() if said.name}
    before: list[str] | None = None
    for event in (event for event in events if event.kind == CLUSTERED):
        folder = f"discovery/{event.payload['digest']}"
        if not reader.workspace.storage.exists(f"{folder}/members.parquet"):
            reader.note(f"{folder}/members.parquet")
            continue
        rows = reader.rows(folder, "members.parquet")
        clusters = sorted(str(row["cluster_id"]) for row in rows if row["cluster_id"] is not None)
        if rows and clusters != before:
            text = ", ".join(f"{name} ({names[name]})" if name in names else name for name in clusters)
            scenarios = sorted({names[name] for name in clusters if name in names})
            detail = {"clusters": clusters, "scenarios": scenarios}
            yield Moment.of(event, f"in cluster {text}" if clusters else "in no cluster", detail, kind="cluster")
            before = clusters
