"""The cards of a discovery as one HTML page that opens from disk: what each cluster is, why it matters, how it looks.

Cards are folded away but for their first line, so that a hundred of them can be looked through; every scene is drawn
once, however many cards show it.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from oddloop.report.birdseye import HEIGHT, SPEED_LIMITS_MPS, SPEEDS, STYLE, WIDTH
from oddloop.report.cards_drawings import KINDS
from oddloop.report.cards_map import dot_glyph, draw_map
from oddloop.report.cards_wording import Card, facts_of, headline_of, measured_of, news_of, why_of
from oddloop.report.html import environment, own_file
from oddloop.report.palette import cluster_colour
from oddloop.rounds.discovery import Question, Scenario

_TELLING = {"split": 0, "merged": 1, "died": 2, "revived": 3, "emerged": 4, "survived": 5}
"""Events in the order in which they matter to people."""


@dataclass(frozen=True, kw_only=True)
class CardsPage:
    """What the page shows.

    Attributes:
        workspace: name of the workspace.
        version: version of oddloop.
        digest: names the discovery.
        n_clusters: clusters there are; the page may show fewer.
        cards: the cards that are shown, in order; rows of `rounds.discovery.Discovery.cards`.
        said: what people said, by cluster id.
        questions: what somebody must say.
        events: CLUSTER_EVENTS as rows.
        scene_map: SCENE_MAP; see `cards_map.by_innermost`.
        measured: what `rounds.discovery.measure_clusters` gives, by cluster id.
        drawings: SVG by scene id; see `cards_drawings.draw_scenes`.
        absent: why there are no drawings, or not all of them; "" where they are all there.
    """

    workspace: str
    version: str
    digest: str
    n_clusters: int
    cards: Sequence[Card]
    said: Mapping[str, Scenario]
    questions: Sequence[Question]
    events: Sequence[dict[str, Any]]
    scene_map: pa.Table
    measured: Mapping[str, Sequence[Any]]
    drawings: Mapping[str, str]
    absent: str = ""


def render_cards(page: CardsPage) -> str:
    """The page; write it as UTF-8. The same content gives the same bytes."""
    ids = [card["cluster_id"] for card in page.cards]
    names = {name: said.name for name, said in page.said.items() if said.name}
    made = environment()
    made.filters |= {"facts": facts_of, "why": why_of}
    return made.get_template("cards.html").render(
        page=page,
        headline=headline_of(page.n_clusters, page.scene_map.num_rows, _named_now(ids, names), len(page.questions)),
        news=news_of(page.events),
        events=sorted(page.events, key=lambda e: (_TELLING.get(e["event"], 9), e["cluster_id"])),
        map=Markup(draw_map(page.scene_map, ids, names)),  # noqa: S704 - escaped where it is made
        inside={name: " ".join(found) for name, found in clusters_inside(page.cards).items()},
        looks=[(cluster_colour(place), dot_glyph(place)) for place in range(len(ids))],
        everything_said={name: page.said.get(name, Scenario(name)) for name in ids},
        kinds=KINDS,
        speeds=list(zip(SPEEDS, _limits(), strict=True)),
        measured={name: measured_of(page.measured.get(name, ())) for name in ids},
        store=Markup(_store(page.drawings)),  # noqa: S704 - escaped where it is made
        drawing={name: _shown(place, name) for place, name in enumerate(page.drawings)},
        css=own_file("round.css"),
        cards_css=own_file("cards.css"),
        drawing_css=Markup(STYLE),  # noqa: S704 - ours
        script=own_file("cards.js"),
    )


def _limits() -> list[str]:
    """What each speed of `SPEEDS` means, for the legend; the last is not known."""
    return [*(f" < {limit:g} m/s" for limit in SPEED_LIMITS_MPS), "", ""]


def _named_now(ids: Sequence[str], names: Mapping[str, str]) -> int:
    return sum(name in names for name in ids)


def clusters_inside(cards: Sequence[Card]) -> dict[str, list[str]]:
    """Each cluster of the cards with all that lie inside it, itself first: a dot of the map has its innermost.

    >>> clusters_inside([{"cluster_id": "a", "parent_id": None}, {"cluster_id": "b", "parent_id": "a"}])
    {'a': ['a', 'b'], 'b': ['b']}
    """
    parent = {card["cluster_id"]: card["parent_id"] for card in cards}
    found: dict[str, list[str]] = {name: [] for name in parent}
    for name in parent:
        above: str | None = name
        while above in found:
            found[above].append(name)
            above = parent[above]
    return {name: sorted(inside, key=lambda other: other != name) for name, inside in found.items()}


def _store(drawings: Mapping[str, str]) -> str:
    """All drawings, once, under the ids by which cards show them."""
    named = (d.replace("<svg ", f'<svg id="d{place}" ', 1) for place, d in enumerate(drawings.values()))
    return f'<svg class="store" aria-hidden="true">{"".join(named)}</svg>' if drawings else ""


def _shown(place: int, scene_id: str) -> Markup:
    label = html.escape(f"{scene_id} from above")
    look = f'class="bev" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"'
    return Markup(f'<svg {look}><use href="#d{place}"/></svg>')  # noqa: S704 - escaped above
