"""A scene from above, as one small SVG: paths that fade with age, boxes where the vehicles were last, a scale bar.

What is read from it: colour is speed (standing has a colour of its own), the ego vehicle is drawn in the page's ink,
and the road's main direction lies level, so that like scenes look alike. Vehicles are never drawn shorter than
`LEAST_LENGTH` pixels, or nobody would see them in a scene of 500 m.

A page holds hundreds of these, so a path keeps one point in each of `N_INSTANTS` spans of time, and all that looks the
same is one element. Time grows with the rows of the scene, size with vehicles.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.directions import main_direction, round_length
from oddloop.report.palette import BLUE, ORANGE, SKY, VERMILLION

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WIDTH, HEIGHT = 880, 560
"""Units of the view box: a quarter of a pixel at the width of 220 pixels that a drawing is made for."""
LEAST_LENGTH = 5 * 4
N_INSTANTS = 12
MAX_AGENTS = 80
"""Vehicles drawn, at most: those nearest to the ego vehicle, or to the middle of all; the drawing's title says so."""
FROM_EGO_M = 150.0
"""Nothing is drawn that lies farther than this from where the ego vehicle was last."""
SPEED_LIMITS_MPS = (0.5, 5.0, 12.0)
"""Upper ends of standing, slow and middle."""
SPEEDS = ("standing", "slow", "middle", "fast", "unknown")
_UNKNOWN = SPEEDS.index("unknown")
_AGES = 3
_NUMBERS = ("x_m", "y_m", "heading_rad", "speed_mps", "length_m", "width_m")
_MARGIN = 40
_LEAST_SPAN_M = 20.0
_MAX_M = 1e7
_LONGEST_M = 100.0
"""Places farther out are no places; vehicles are drawn no longer than a train."""
_COLOURS = (VERMILLION, ORANGE, SKY, BLUE, "#888888")
"""By place in `SPEEDS`."""
STYLE = "\n".join(
    [
        ".bev{display:block;width:100%;height:auto;background:var(--panel,#f6f8fa);border-radius:4px}",
        ".bev path{fill:none;stroke-width:6;stroke-linecap:round;stroke-linejoin:round}",
        *(f".bev .s{i}{{stroke:{c}}}.bev .b.s{i}{{fill:{c};stroke-width:0}}" for i, c in enumerate(_COLOURS)),
        ".bev .a0{opacity:.25}.bev .a1{opacity:.5}.bev .a2{opacity:.85}.bev .gone{opacity:.35}",
        ".bev .ego{stroke:var(--ink,#1b1f24);stroke-width:8}.bev .b.ego{stroke-width:10}",
        ".bev .road{stroke:var(--muted,#59636e);stroke-width:2;opacity:.5}",
        ".bev .bar{stroke:var(--muted,#59636e);stroke-width:4}",
        ".bev text{fill:var(--muted,#59636e);font:40px system-ui,sans-serif}",
    ]
)
"""Style of all drawings of a page; the page's own colours are used where it has them."""


@dataclass(frozen=True)
class _Scene:
    """One scene's rows by agent, then time, thinned; all (r,)."""

    agent: Ints
    time: Floats  # 0 at the scene's first instant, 1 at its last
    xy_m: Floats
    heading_rad: Floats
    speed: Ints  # place in SPEEDS
    size_m: Floats
    is_ego: Bools
    n_agents: int

    def rows(self, keep: Bools | Ints) -> _Scene:
        return replace(self, **{name: part[keep] for name, part in vars(self).items() if name != "n_agents"})

    def is_last(self) -> Bools:
        """Whether a row is the last of its agent."""
        return np.append(self.agent[1:] != self.agent[:-1], np.ones(min(len(self.agent), 1), dtype=bool))


def draw_scene(tracks: pa.Table, title: str = "", *, lines: Sequence[Floats] = (), style: bool = False) -> str:
    """Draw one scene.

    Args:
        tracks: TRACKS of one scene, in any order. `agent_id`, `timestamp_ns`, `x_m`, `y_m` and `heading_rad` must be
            there; a speed, length or width that is missing is drawn grey and small. Rows without a finite place are
            left out.
        title: what the drawing is of, such as the scene's id; any text.
        lines: (n,2) points of each road or lane line, in metres, in the scene's frame of reference.
        style: put `STYLE` into the drawing, so that it can stand alone; a page has it once.

    Returns:
        an `<svg>` element; a scene without rows gives one that says so.

    >>> row = {"agent_id": ["a"], "timestamp_ns": [0], "x_m": [0.0], "y_m": [0.0], "heading_rad": [0.0]}
    >>> draw_scene(pa.table(row), "<s1>").startswith('<svg class="bev" viewBox="0 0 880 560" role="img"')
    True
    """
    scene = _nearest(_around_ego(_read(tracks)))
    shown = len(np.unique(scene.agent))
    left_out = f", {shown} of {scene.n_agents} vehicles shown" if shown < scene.n_agents else ""
    name = html.escape(f"{title}{left_out}")
    parts = [f'<svg class="bev" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}"><title>{name}</title>']
    parts += [f"<style>{STYLE}</style>"] if style else []
    if not len(scene.agent):
        return "".join([*parts, '<text x="40" y="290">no tracks</text></svg>'])
    view = _View.of(scene)
    parts += _road(lines, view) + _paths(scene, view) + _boxes(scene, view) + [_scale_bar(view)]
    return "".join([*parts, "</svg>"])


def _read(tracks: pa.Table) -> _Scene:
    numbers = {name: _column(tracks, name) for name in _NUMBERS}
    agent = np.unique(np.array(tracks["agent_id"].to_pylist(), dtype=object).astype(str), return_inverse=True)[1]
    time_ns = tracks["timestamp_ns"].to_numpy()
    since_ns = (time_ns - time_ns.min(initial=2**63 - 1)).astype(np.float64)  # exact: float has no room for 2026 in ns
    xy_m = np.stack([numbers["x_m"], numbers["y_m"]], axis=1)
    known = np.abs(xy_m).max(axis=1) < _MAX_M  # NaN is not below anything
    scene = _Scene(
        agent.reshape(-1).astype(np.int64),
        since_ns / since_ns.max(initial=1.0),
        xy_m,
        np.nan_to_num(numbers["heading_rad"], posinf=0.0, neginf=0.0),
        _speed_class(numbers["speed_mps"]),
        np.stack([numbers["length_m"], numbers["width_m"]], axis=1),
        _is_ego(tracks),
        0,
    )
    order = np.lexsort((scene.time, scene.agent))
    found = scene.rows(order[known[order]])
    return replace(found, n_agents=len(np.unique(found.agent)))


def _column(tracks: pa.Table, name: str) -> Floats:
    if name not in tracks.column_names:
        return np.full(tracks.num_rows, np.nan)
    values: Floats = pc.fill_null(tracks[name].cast(pa.float64()), np.nan).to_numpy()
    return values


def _is_ego(tracks: pa.Table) -> Bools:
    if "is_ego" not in tracks.column_names:
        return np.zeros(tracks.num_rows, dtype=bool)
    return np.asarray(pc.fill_null(tracks["is_ego"].cast(pa.bool_()), False).to_numpy(), dtype=bool)


def _speed_class(speed_mps: Floats) -> Ints:
    found = np.searchsorted(SPEED_LIMITS_MPS, np.abs(speed_mps), side="right").astype(np.int64)
    return np.where(np.isfinite(speed_mps), found, _UNKNOWN)


def _around_ego(scene: _Scene) -> _Scene:
    """What is no farther than `FROM_EGO_M` from the ego vehicle's last place, where there is one.

    A car that drives half a kilometre would leave a thin line of a picture otherwise.
    """
    own = np.flatnonzero(scene.is_ego)
    if not len(own):
        return scene
    last = scene.xy_m[own[np.argmax(scene.time[own])]]
    return scene.rows(np.linalg.norm(scene.xy_m - last, axis=1) <= FROM_EGO_M)


def _nearest(scene: _Scene) -> _Scene:
    """The `MAX_AGENTS` agents that come nearest to the ego vehicle's last place, or to the middle of all."""
    if scene.n_agents <= MAX_AGENTS:
        return scene
    ego = scene.xy_m[scene.is_ego]
    middle = ego[-1] if len(ego) else np.median(scene.xy_m, axis=0)
    distance = np.full(int(scene.agent.max()) + 1, np.inf)
    np.minimum.at(distance, scene.agent, np.linalg.norm(scene.xy_m - middle, axis=1))
    kept = np.argsort(distance, kind="stable")[:MAX_AGENTS]
    return scene.rows(np.isin(scene.agent, kept))


@dataclass(frozen=True)
class _View:
    """How metres become units of the drawing: turned by `angle_rad`, then scaled, then moved; y points down."""

    angle_rad: float
    scale: float
    middle: Floats

    @classmethod
    def of(cls, scene: _Scene) -> _View:
        angle_rad = main_direction(scene.xy_m, scene.agent, scene.heading_rad[scene.is_ego])
        turned = _turn(scene.xy_m, angle_rad)
        low, high = turned.min(axis=0), turned.max(axis=0)
        span = np.maximum(high - low, _LEAST_SPAN_M)
        room = np.array([WIDTH, HEIGHT - 50]) - 2 * _MARGIN  # the scale bar stands below
        return cls(angle_rad, float((room / span).min()), (low + high) / 2)

    def place(self, xy_m: Floats) -> Ints:
        """(n,2) whole units of the drawing."""
        moved = (_turn(xy_m, self.angle_rad) - self.middle) * self.scale
        return _whole(moved * [1, -1] + [WIDTH / 2, (HEIGHT - 50) / 2])


def _whole(values: Floats) -> Ints:
    found: Ints = np.rint(values).astype(np.int64)
    return found


def _turn(xy_m: Floats, angle_rad: float) -> Floats:
    """Points in axes that are turned by `angle_rad`."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    turned: Floats = xy_m @ np.array([[cos, -sin], [sin, cos]])
    return turned


def _road(lines: Sequence[Floats], view: _View) -> list[str]:
    drawn = [view.place(np.asarray(line)[np.isfinite(line).all(axis=1)]) for line in lines]
    found = "".join(_polyline(points) for points in drawn if len(points) > 1)
    return [f'<path class="road" d="{found}"/>'] if found else []


def _polyline(points: Ints) -> str:
    steps = np.diff(points, axis=0).ravel()
    return f"M{points[0, 0]} {points[0, 1]}l{' '.join(map(str, steps.tolist()))}"


def _paths(scene: _Scene, view: _View) -> list[str]:
    """One element per speed and age: a piece of a path looks as its later end."""
    instant = np.minimum((scene.time * N_INSTANTS).astype(np.int64), N_INSTANTS - 1)
    key = scene.agent * N_INSTANTS + instant
    first = np.append(np.ones(1, dtype=bool), key[1:] != key[:-1])
    thin = scene.rows(first | scene.is_last())
    at = view.place(thin.xy_m)
    moves = np.append(np.zeros(1, dtype=bool), np.diff(at, axis=0).any(axis=1) & (thin.agent[1:] == thin.agent[:-1]))
    age = np.minimum((thin.time * _AGES).astype(np.int64), _AGES - 1)
    look = np.where(thin.is_ego, len(SPEEDS), thin.speed) * _AGES + age
    found = []
    for code in np.unique(look[moves]).tolist():
        ends = np.flatnonzero(moves & (look == code))
        speed, old = divmod(code, _AGES)
        found.append(f'<path class="{_class(speed)} a{old}" d="{_pieces(at, ends)}"/>')
    return found


def _class(speed: int) -> str:
    return "ego" if speed == len(SPEEDS) else f"s{speed}"


def _pieces(at: Ints, ends: Ints) -> str:
    """Path data of the pieces that end in rows `ends`; those that follow each other are one stroke."""
    runs = np.split(ends, np.flatnonzero(np.diff(ends) != 1) + 1)
    return "".join(_polyline(at[np.append(run[0] - 1, run)]) for run in runs)


def _boxes(scene: _Scene, view: _View) -> list[str]:
    """Every vehicle where it was last: pale where it has left before the end, the ego vehicle on top."""
    last = scene.rows(scene.is_last())
    corners = _corners(last, view)
    gone = last.time < last.time.max() - 1 / N_INSTANTS
    look = last.speed * 2 + np.where(gone, 0, 1)
    found = []
    for code in np.unique(look).tolist():
        shapes = "".join(f"{_polyline(shape)}z" for shape in corners[look == code])
        found.append(f'<path class="b s{code // 2}{"" if code % 2 else " gone"}" d="{shapes}"/>')
    ego = "".join(f"{_polyline(shape)}z" for shape in corners[last.is_ego])
    return [*found, f'<path class="b ego" d="{ego}"/>'] if ego else found


def _corners(last: _Scene, view: _View) -> Ints:
    """(n,5,2) outline of each vehicle, with a nose in front."""
    known = np.clip(np.nan_to_num(last.size_m, posinf=0.0), 0.0, _LONGEST_M)
    length = np.maximum(known[:, :1] * view.scale, LEAST_LENGTH)
    width = np.clip(known[:, 1:] * view.scale, length / 2.5, length)
    shape = np.array([[-0.5, -0.5], [0.25, -0.5], [0.5, 0.0], [0.25, 0.5], [-0.5, 0.5]])
    body = shape * np.concatenate([length, width], axis=1)[:, None, :]
    angle = last.heading_rad - view.angle_rad
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    turned = np.stack([body[..., 0] * cos - body[..., 1] * sin, -(body[..., 0] * sin + body[..., 1] * cos)], axis=-1)
    return _whole(view.place(last.xy_m)[:, None, :] + turned)


def _scale_bar(view: _View) -> str:
    length_m = round_length(0.3 * WIDTH / view.scale)
    x = round(length_m * view.scale)
    y = HEIGHT - 30
    return f'<path class="bar" d="M{_MARGIN} {y}h{x}"/><text x="{_MARGIN + x + 16}" y="{y + 12}">{length_m:g} m</text>'
