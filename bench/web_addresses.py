"""Addresses that nobody has asked for before, drawn at random: no answer of them is kept."""

from __future__ import annotations

import random
from collections.abc import Callable

from web_load import Addresses
from web_workspace import MOST_TRACKED, N_ATTRIBUTES, N_VALUES, PER_LOG

LEAST_SIDE = 1 / 27
"""Of a part of the map: who zooms in thrice by the page's own links has that before them."""


def new_addresses(n: int) -> dict[str, Addresses]:
    """Addresses by page of a workspace of `n` scenes; those of a turn are always the same."""
    return {
        "scene": _drawn("scene", lambda rng: f"/scenes/scene?id={_scene(rng, n)}"),
        "replay": _drawn("replay", lambda rng: f"/scenes/scene?id={_scene(rng, min(n, MOST_TRACKED))}"),
        "replay.json": _drawn("tracks", lambda rng: f"/api/v1/scenes/replay?id={_scene(rng, min(n, MOST_TRACKED))}"),
        "scenes": _drawn("scenes", _search),
        "scenes like one": _drawn("like", lambda rng: f"/scenes?like={_scene(rng, n)}"),
        "map": _drawn("map", lambda rng: f"/clusters/map?{_part(rng)}"),
        "map.png": _drawn("png", lambda rng: f"/api/v1/clusters/map.png?{_part(rng)}"),
    }


def _drawn(page: str, draw: Callable[[random.Random], str]) -> Addresses:
    return lambda turn: draw(random.Random(f"{page} {turn}"))


def _scene(rng: random.Random, n: int) -> str:
    number = rng.randrange(n)
    return f"log-{number // PER_LOG:06d}-scene-{number % PER_LOG:02d}"


def _search(rng: random.Random) -> str:
    """Two conditions, a bound of the score, and an order."""
    one, two = rng.sample(range(N_ATTRIBUTES), 2)
    where = "&".join(f"where=attribute_{name:02d}%3Dvalue+{rng.randrange(N_VALUES)}" for name in (one, two))
    return f"/scenes?{where}&at_least={rng.random() / 10:.9f}&sort={rng.choice(['high', 'low', 'id'])}"


def _part(rng: random.Random) -> str:
    width, height = (LEAST_SIDE ** rng.random() for _ in range(2))
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return f"left={left:.6f}&right={left + width:.6f}&top={top:.6f}&bottom={top + height:.6f}"
