"""The map of a page of cards: every scene a dot, one SVG path per cluster, drawn without a script.

A path may be told from its neighbours by colour and by its title; the page's script lights up the clusters of a card.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.formats import shorten
from oddloop.report.palette import COLOURS, cluster_colour

WIDTH, HEIGHT = 1000, 560
MAX_SCENES = 20_000
N_NAMED = 20
"""Clusters whose name or id stands on the map, at most: those that matter most."""
GLYPHS = ("●", "◉", "○")
_MARGIN = 16
_LABEL_SIZE = (60, 15)
"""Room that a name takes, in units of the map."""
Ints = npt.NDArray[np.int64]


def draw_map(scene_map: pa.Table, clusters: Sequence[str], names: Mapping[str, str], limit: int = MAX_SCENES) -> str:
    """Draw the map.

    Args:
        scene_map: SCENE_MAP; scenes without finite coordinates are left out.
        clusters: ids of the clusters on the page, those that matter most first; others are grey.
        names: what a cluster is called, by id.
        limit: dots, at most; small clusters keep all of theirs.

    Returns:
        an `<svg>` element; "" where there is nothing to draw.
    """
    placed = scene_map.filter(pc.and_(pc.is_finite(scene_map["x"]), pc.is_finite(scene_map["y"]))).sort_by("scene_id")
    if not placed.num_rows:
        return ""
    code = pc.index_in(placed["cluster_id"], value_set=pa.array(clusters, pa.string()))
    cluster = pc.fill_null(code, -1).to_numpy().astype(np.int64)
    at = _places(placed)
    shown = _thinned(cluster, limit)
    title = f"{len(shown):,} of {placed.num_rows:,} scenes by likeness, coloured by cluster"
    parts = [f'<svg class="map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">']
    order = [-1, *reversed(range(len(clusters)))]  # what matters most lies on top
    parts += [_dots(at[rows], clusters, place, names) for place in order if len(rows := shown[cluster[shown] == place])]
    return "".join([*parts, *_labels(at, cluster, clusters, names), "</svg>"])


def by_innermost(scene_map: pa.Table, members: pa.Table, cards: Sequence[Mapping[str, Any]]) -> pa.Table:
    """SCENE_MAP with the smallest cluster of the cards that a scene is in, so that nested clusters can be seen.

    Args:
        scene_map: SCENE_MAP.
        members: CLUSTER_MEMBERS.
        cards: rows with `cluster_id` and `n_scenes`.
    """
    by_size = sorted(cards, key=lambda card: (card["n_scenes"], card["cluster_id"]))
    clusters = pa.array([card["cluster_id"] for card in by_size], pa.string())
    code, row = (
        pc.fill_null(pc.index_in(members[name], value_set=known), -1).to_numpy()
        for name, known in (("cluster_id", clusters), ("scene_id", scene_map["scene_id"].combine_chunks()))
    )
    is_known = (code >= 0) & (row >= 0)
    smallest = np.full(scene_map.num_rows, len(clusters))
    np.minimum.at(smallest, row[is_known], code[is_known])
    found = clusters.take(pa.array(smallest, mask=smallest == len(clusters)))
    return scene_map.set_column(scene_map.schema.get_field_index("cluster_id"), "cluster_id", found)


def _places(placed: pa.Table) -> Ints:
    xy = np.stack([placed["x"].to_numpy(), placed["y"].to_numpy()], axis=1).astype(np.float64)
    low, span = xy.min(axis=0), np.ptp(xy, axis=0)
    room = np.array([WIDTH, HEIGHT]) - 2 * _MARGIN
    scaled = (xy - low) / np.where(span > 0, span, 1.0)
    scaled[:, 1] = 1 - scaled[:, 1]  # y points down on a page
    found: Ints = np.rint(scaled * room + _MARGIN).astype(np.int64)
    return found


def _thinned(cluster: Ints, limit: int) -> Ints:
    """Rows to show, ascending: as many of each cluster, so that small ones keep all; which, is drawn with seed 0."""
    order = np.random.default_rng(0).permutation(len(cluster))
    grouped = order[np.argsort(cluster[order], kind="stable")]
    starts = np.searchsorted(cluster[grouped], cluster[grouped])
    place = np.arange(len(grouped)) - starts
    kept: Ints = np.sort(grouped[np.argsort(place, kind="stable")[:limit]])
    return kept


def _dots(at: Ints, clusters: Sequence[str], place: int, names: Mapping[str, str]) -> str:
    path = "".join(f"M{x} {y}h0" for x, y in np.unique(at, axis=0).tolist())
    if place < 0:
        return f'<path class="loose" d="{path}"><title>in no cluster of this page</title></path>'
    cluster_id = clusters[place]
    title = html.escape(" ".join(filter(None, (cluster_id, names.get(cluster_id, "")))))
    look = f'stroke="{cluster_colour(place)}" data-cluster="{html.escape(cluster_id)}"'
    hole = f'<path class="hole h{cycle}" d="{path}"/>' if (cycle := _cycle(place)) else ""
    return f'<g {look}><title>{title}</title><path d="{path}"/>{hole}</g>'


def _cycle(place: int) -> int:
    """How often the colours were used up before: dots are full, then with a small, then with a large hole."""
    return place // len(COLOURS) % len(GLYPHS)


def dot_glyph(place: int) -> str:
    """The look of a cluster's dots as a character."""
    return GLYPHS[_cycle(place)]


def _labels(at: Ints, cluster: Ints, clusters: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """What clusters are called, in the middle of their dots; where two would overlap, what matters more stays."""
    found: list[str] = []
    taken = np.zeros((0, 2))
    for place, cluster_id in enumerate(clusters[:N_NAMED]):
        rows = cluster == place
        if not rows.any():
            continue
        middle = np.median(at[rows], axis=0)
        if (np.abs(taken - middle) < _LABEL_SIZE).all(axis=1).any():
            continue
        taken = np.vstack([taken, middle])
        x, y = middle.astype(int).tolist()
        text = html.escape(shorten(names.get(cluster_id) or cluster_id, 18))
        found.append(f'<text x="{x}" y="{y}" data-cluster="{html.escape(cluster_id)}">{text}</text>')
    return found
