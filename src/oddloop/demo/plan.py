"""The plan of the fleet: for each log a world, weather, time of day, traffic and split, drawn once from the seed.

Two things are planted here. Roundabout logs are a sixth of the fleet but almost absent from the scenes labelled
first. And a ninth of the logs has heavy rain at night, in each split, in every world but the roundabouts (the two must
not be confused), and also among the scenes labelled first, so that what is wrong there is not a lack of data. The
roundabouts have dry days and one density of traffic, so that nothing but data is wrong there, and more of them are held
out than of other worlds, as a team does that wants to be sure of a rare place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from oddloop.demo.settings import FleetSettings
from oddloop.demo.worlds import N_VARIANTS, WORLDS

LOG_WORLDS = (
    "motorway", "urban", "roundabout", "rural", "urban", "motorway",
    "rural", "urban", "roundabout", "motorway", "rural", "urban",
)  # fmt: skip
"""Worlds of consecutive logs, over and over: one in six is at a roundabout."""
DENSITIES = ("low", "medium", "high")
EVAL_SHARE = 0.26
ROUNDABOUT_EVAL_SHARE = 0.4
FLOOR_EVERY = 7
"""One log in seven, roundabouts apart, has heavy rain at night: a step that visits all other worlds in turn."""
_FIRST_DAY_NS = int(datetime(2025, 3, 3, tzinfo=UTC).timestamp()) * 1_000_000_000
_DAY_S = 86_400
_RAIN_MM_H = {"none": (0.0, 0.0), "light": (0.3, 2.4), "moderate": (2.8, 7.4), "heavy": (12.0, 32.0)}
_LIGHT_LUX = {"day": (6_000.0, 70_000.0), "low_ambient": (5.0, 800.0), "night": (0.05, 0.9)}
_START_H = {"day": (9.0, 16.0), "low_ambient": (6.2, 7.0), "night": (21.5, 27.5)}


@dataclass(frozen=True)
class LogPlan:
    """What one log will be.

    Attributes:
        log_id: name of the log.
        world: one of `worlds.WORLDS`.
        variant: variant of the world.
        density: traffic, one of `DENSITIES`.
        style_shares: shares of careful, normal and aggressive drivers; they sum to 1.
        rain_mm_h: rain, in millimetres per hour.
        illuminance_lux: light, in lux.
        start_ns: start of the recording, UTC, in nanoseconds since the Unix epoch.
        split: `pool` or `eval`.
        is_first: its scenes may be labelled before oddloop.
    """

    log_id: str
    world: str
    variant: int
    density: str
    style_shares: tuple[float, float, float]
    rain_mm_h: float
    illuminance_lux: float
    start_ns: int
    split: str
    is_first: bool


def plan_logs(settings: FleetSettings, rng: np.random.Generator) -> tuple[LogPlan, ...]:
    """Plan `settings.n_logs` logs, ordered by start time; the same generator state gives the same plan."""
    worlds = [LOG_WORLDS[i % len(LOG_WORLDS)] for i in range(settings.n_logs)]
    floor = [i for i, world in enumerate(worlds) if world != "roundabout"][2::FLOOR_EVERY]
    held_out = _draw_held_out(worlds, floor, rng)
    first = _draw_first(settings.n_initial_logs, worlds, floor, held_out, rng)
    drafts = [_draft(worlds[i], worlds[:i].count(worlds[i]), i in floor, rng) for i in range(settings.n_logs)]
    drafts = [replace(d, split="eval" if i in held_out else "pool", is_first=i in first) for i, d in enumerate(drafts)]
    ordered = sorted(drafts, key=lambda plan: plan.start_ns)
    return tuple(replace(plan, log_id=f"log-{i:03d}") for i, plan in enumerate(ordered))


def _draw_held_out(worlds: list[str], floor: list[int], rng: np.random.Generator) -> set[int]:
    """A quarter of the logs of each world, more of the roundabouts, and every second one with the planted weather."""
    held_out = set(floor[1::2])
    for world in WORLDS:
        own = [i for i, name in enumerate(worlds) if name == world and i not in floor]
        share = ROUNDABOUT_EVAL_SHARE if world == "roundabout" else EVAL_SHARE
        n = max(round(share * len(own)), len(own) > 1)
        held_out |= {int(i) for i in rng.permutation(own)[:n]}
    return held_out


def _draw_first(n: int, worlds: list[str], floor: list[int], held_out: set[int], rng: np.random.Generator) -> set[int]:
    """Logs that a young project labels: ordinary ones, two with the planted weather, and one at a roundabout."""
    pool = [i for i in range(len(worlds)) if i not in held_out]
    ordinary = [i for i in pool if worlds[i] != "roundabout" and i not in floor]
    rainy_nights = [i for i in pool if i in floor]
    roundabouts = [i for i in pool if worlds[i] == "roundabout"]
    chosen = [rng.permutation(ordinary)[:n], rng.permutation(rainy_nights)[:2], rng.permutation(roundabouts)[:1]]
    return {int(i) for i in np.concatenate(chosen)}


def _draft(world: str, nth: int, is_floor: bool, rng: np.random.Generator) -> LogPlan:
    """Draw the `nth` log in `world`; densities take turns, so that each world but the roundabouts has all of them."""
    is_roundabout = world == "roundabout"
    rain, light = ("none", "day") if is_roundabout else ("heavy", "night") if is_floor else _draw_weather(rng)
    day_s = _DAY_S * float(rng.integers(0, 28)) + 3600.0 * rng.uniform(*_START_H[light])
    shares = rng.dirichlet([2.0, 4.0, 2.0])
    return LogPlan(
        log_id="",
        world=world,
        variant=int(rng.integers(N_VARIANTS)),
        density="medium" if is_roundabout else DENSITIES[nth % len(DENSITIES)],
        style_shares=(float(shares[0]), float(shares[1]), float(shares[2])),
        rain_mm_h=round(float(rng.uniform(*_RAIN_MM_H[rain])), 2),
        illuminance_lux=round(float(np.exp(rng.uniform(*np.log(_LIGHT_LUX[light])))), 2),
        start_ns=_FIRST_DAY_NS + int(day_s * 10) * 100_000_000,
        split="pool",
        is_first=False,
    )


def _draw_weather(rng: np.random.Generator) -> tuple[str, str]:
    """Rain and light of an ordinary log; heavy rain at night is left to the planted logs, whose share is known."""
    rain = str(rng.choice(list(_RAIN_MM_H), p=[0.5, 0.22, 0.14, 0.14]))
    light = str(rng.choice(list(_LIGHT_LUX), p=[0.5, 0.22, 0.28]))
    return rain, "low_ambient" if (rain, light) == ("heavy", "night") else light
