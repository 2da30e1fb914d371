"""The newest clusters with their cards in order, and what people said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from oddloop.lake.derived import complete_folders
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.discovery import Question, Scenario, fold_names, last_clustered, open_questions, rank_said
from oddloop.rounds.discovery.lasting import FOLDER
from oddloop.rounds.state import DISCOVERY, Event
from oddloop.web.store import View

CARDS, CARDS_FILE = "cards", "cluster_cards.parquet"


@dataclass(frozen=True)
class Found:
    """What is known of the clusters.

    Attributes:
        head: the ledger's newest record of clusters; None before the first discovery.
        cards: CLUSTER_CARDS in order, with `rank`, `rank_value` and `rank_text`; None where there are none.
        events: all that the ledger says of clusters, oldest first.
        names: what was said, by cluster id.
        questions: what somebody must say.
    """

    head: Event | None
    cards: pa.Table | None
    events: Sequence[Event]
    names: Mapping[str, Scenario]
    questions: Sequence[Question]

    @property
    def ids(self) -> list[str]:
        """The clusters of the newest discovery, in order."""
        found: list[str] = self.cards["cluster_id"].to_pylist() if self.cards is not None else []
        return found

    @property
    def parents(self) -> dict[str, str | None]:
        """The smallest cluster around each one; None: none."""
        if self.cards is None:
            return {}
        return dict(zip(self.ids, self.cards["parent_id"].to_pylist(), strict=True))

    def said_of(self, cluster_id: str) -> Scenario:
        """What was said of a cluster."""
        return self.names.get(cluster_id, Scenario(cluster_id))


def read_found(view: View) -> Found:
    """The clusters of a view."""
    events = view.events(DISCOVERY)
    head, names = last_clustered(events), fold_names(events)
    cards = None if head is None else view.table(CARDS, CARDS_FILE, digest=_cards_digest(view, head))
    levels = view.config.discover.names.risk_levels
    if cards is not None:
        unranked = cards
        cards = view.cached(("ranked cards", view.digest), lambda: rank_said(unranked, names, levels))
    return Found(head, cards, events, names, open_questions(events))


def _cards_digest(view: View, head: Event) -> str:
    """The newest cards that were made of these clusters; until there are any, those of the newest proposal."""

    def find() -> str:
        mine = [f for f in complete_folders(view.workspace.storage, CARDS)
                if f.manifest["inputs"].get("clusters") == head.payload["digest"]]  # fmt: skip
        made = {f.digest: max(info.mtime_ns for info in f.storage.list_files()) for f in mine}
        return max(made, key=lambda digest: made[digest]) if made else view.stages.get(CARDS, "")

    return view.cached(("cards digest", view.digest), find)


def members_file(view: View, head: Event) -> TableFiles | None:
    """CLUSTER_MEMBERS under lasting ids, for `View.query`; None where the folder is gone."""
    folder, file = view.workspace.storage.sub(f"{FOLDER}/{head.payload['digest']}"), "members.parquet"
    return TableFiles(file, folder, (file,)) if folder.exists(file) else None


def lasting_ids(view: View, head: Event) -> dict[str, str] | None:
    """Lasting id of each cluster by the id of its own run; None where the folder is gone."""
    folder = view.workspace.storage.sub(f"{FOLDER}/{head.payload['digest']}")
    if not folder.exists("ids.parquet"):
        return None
    key = ("cluster ids", head.payload["digest"])
    ids = view.cached(key, lambda: folder.read_table("ids.parquet"))
    return dict(zip(ids["own"].to_pylist(), ids["cluster_id"].to_pylist(), strict=True))
