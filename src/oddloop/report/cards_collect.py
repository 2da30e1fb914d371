"""From a workspace to its page of cards: collect what was found, what was said of it, and drawings of its scenes."""

from __future__ import annotations

from oddloop import __version__
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.report.cards_drawings import draw_scenes, read_tracks_of, scenes_to_draw, track_files
from oddloop.report.cards_map import by_innermost
from oddloop.report.cards_page import CardsPage, render_cards
from oddloop.rounds.discovery import Discovery, measure_clusters
from oddloop.tables import SCENES

CARDS_FILE = "discovery.html"
_NO_TRACKS = (
    "No drawings: there is no `tracks` table in the lake; ingest one, or name Parquet files with its columns "
    'as `tracks = "..."` under [discover.page] in oddloop.toml.'
)


def render_discovery(workspace: Workspace, found: Discovery) -> str:
    """The page of a discovery's cards, as HTML; write it as UTF-8.

    Args:
        workspace: where settings and tracks are.
        found: the discovery.

    Raises:
        WorkspaceError, TableError: tracks are named that are not there, or lack a column.
    """
    return render_cards(collect_cards(workspace, found))


def collect_cards(workspace: Workspace, found: Discovery) -> CardsPage:
    """Everything that a page of cards is made of."""
    config = workspace.config
    cards = found.cards.slice(0, config.discover.page.max_cards).to_pylist()
    scenes = read_table(workspace.table("scenes"), SCENES)
    drawings, absent = _draw(workspace, scenes_to_draw(cards))
    return CardsPage(
        workspace=config.workspace.name,
        version=__version__,
        digest=found.lasting.digest,
        n_clusters=found.cards.num_rows,
        cards=cards,
        said=found.names,
        questions=found.questions,
        events=found.lasting.events.to_pylist(),
        scene_map=by_innermost(found.scene_map, found.lasting.members, cards),
        measured=measure_clusters(found, scenes, [card["cluster_id"] for card in cards]),
        drawings=drawings,
        absent=absent,
    )


def _draw(workspace: Workspace, scene_ids: list[str]) -> tuple[dict[str, str], str]:
    files = track_files(workspace)
    if not files:
        return {}, _NO_TRACKS
    tracks = read_tracks_of(files, scene_ids)
    most = workspace.config.discover.page.max_mb
    drawings = draw_scenes(tracks, scene_ids, most * 1_000_000)
    if len(drawings) < len(tracks):
        return drawings, f"{len(drawings):,} of {len(tracks):,} scenes are drawn, which takes {most} MB; " \
                         "`max_mb` under [discover.page] gives more room."  # fmt: skip
    lacking = len(scene_ids) - len(drawings)
    return drawings, f"{lacking:,} of {len(scene_ids):,} scenes have no tracks." if lacking else ""
