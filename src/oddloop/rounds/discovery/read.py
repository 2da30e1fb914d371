"""Clusters as people see them: cards in order, with names, open questions and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from oddloop.discover.cards import rank_cards
from oddloop.discover.risk import risk_weight
from oddloop.errors import ConfigError, WorkspaceError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery.lasting import Lasting, clustered_as, read_lasting, rename_clusters
from oddloop.rounds.discovery.names import SETTLED, Question, Scenario, fold_names, open_questions
from oddloop.rounds.state import Event


@dataclass(frozen=True)
class Discovery:
    """What a discovery found, and what people say of it.

    Attributes:
        lasting: clusters under lasting ids, with the events since the run before.
        cards: CLUSTER_CARDS in order, with `rank`, `rank_value` and `rank_text`.
        scene_map: SCENE_MAP with lasting ids.
        names: what was said, by cluster id.
        questions: what somebody must say.
    """

    lasting: Lasting
    cards: pa.Table
    scene_map: pa.Table
    names: dict[str, Scenario]
    questions: list[Question]

    def name_of(self, cluster_id: str) -> str:
        """The scenario's name; "" where the cluster has none."""
        said = self.names.get(cluster_id)
        return said.name if said else ""


def read_discovery(workspace: Workspace, events: list[Event], discover_digest: str, cards_digest: str) -> Discovery:
    """Read a discovery.

    Args:
        workspace: the workspace.
        events: the ledger's events of `state.DISCOVERY`.
        discover_digest, cards_digest: name the folders of the stages.

    Raises:
        WorkspaceError: the clusters of that discovery were never recorded.
    """
    lasting = read_lasting(workspace, _recorded(workspace, events, discover_digest))
    cards, names = read_cards(workspace, events, discover_digest, cards_digest)
    placed = _stage(workspace, "discover", discover_digest).read_table("scene_map.parquet")
    return Discovery(lasting, cards, rename_clusters(placed, lasting.ids), names, open_questions(events))


def read_cards(
    workspace: Workspace, events: list[Event], discover_digest: str, cards_digest: str
) -> tuple[pa.Table, dict[str, Scenario]]:
    """`cards` and `names` of a discovery, for whoever has no use for its scenes; arguments and errors are the same."""
    _recorded(workspace, events, discover_digest)
    names = fold_names(events)
    cards = _stage(workspace, "cards", cards_digest).read_table("cluster_cards.parquet")
    return rank_said(cards, names, workspace.config.discover.names.risk_levels), names


def _recorded(workspace: Workspace, events: list[Event], discover_digest: str) -> Event:
    """The newest record of the clusters of a discovery."""
    event = clustered_as(events, discover_digest)
    if event is None:
        raise WorkspaceError(f"{workspace.storage.url}: these clusters are not recorded yet; run `oddloop discover`")
    return event


def rank_said(cards: pa.Table, names: Mapping[str, Scenario], levels: Mapping[str, float]) -> pa.Table:
    """CLUSTER_CARDS in the order that risk and status give them; see `discover.cards.rank_cards`.

    Args:
        cards: CLUSTER_CARDS.
        names: what was said, by cluster id.
        levels: weight by risk level, of `[discover.names]`.
    """
    weights = {name: _weight(said, levels) for name, said in names.items()}
    return rank_cards(cards, weights, {name for name, said in names.items() if said.status in SETTLED})


def _weight(said: Scenario, levels: Mapping[str, float]) -> float:
    """Weight of a risk; a level of a scale that the team has given up since counts as not judged."""
    try:
        return risk_weight(said.risk, levels)
    except ConfigError:
        return risk_weight("", levels)


def _stage(workspace: Workspace, stage: str, digest: str) -> Storage:
    return workspace.storage.sub(f"derived/{stage}/{digest}")
