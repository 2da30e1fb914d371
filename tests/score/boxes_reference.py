"""What the documentation of `oddloop.score.boxes` says, one box at a time in plain Python; and how to draw boxes."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st


class Box(NamedTuple):
    """One box; `probs` None where it has a score only."""

    sides: tuple[float, float, float, float]
    score: float
    label: str = "car"
    member: int = 0
    probs: tuple[float, ...] | None = None


Frame = list[Box]


def iou(a: Box, b: Box) -> float:
    """Shared over joint area."""
    width = min(a.sides[2], b.sides[2]) - max(a.sides[0], b.sides[0])
    height = min(a.sides[3], b.sides[3]) - max(a.sides[1], b.sides[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (area(a) + area(b) - shared)


def area(box: Box) -> float:
    return (box.sides[2] - box.sides[0]) * (box.sides[3] - box.sides[1])


def group(frame: Frame, floor: float = 0.5, across: bool = True) -> list[Frame]:
    """The objects of a frame, each with its strongest box first."""
    ranked = sorted(frame, key=lambda b: (-b.score, b.sides, b.label, b.member))
    if len({b.member for b in frame}) == 1:
        return [[box] for box in frame]
    free, objects = list(range(len(ranked))), []
    while free:
        seed = ranked[free.pop(0)]
        joined = [seed]
        for member in sorted({b.member for b in frame} - {seed.member}):
            may = [i for i in free if ranked[i].member == member and iou(seed, ranked[i]) >= floor]
            may = [i for i in may if across or ranked[i].label == seed.label]
            if may:
                best = min(may, key=lambda i: (ranked[i].label != seed.label, -iou(seed, ranked[i]), i))
                joined.append(ranked[best])
                free.remove(best)
        objects.append(joined)
    return objects


def entropy(p: dict | list | tuple) -> float:
    values = list(p.values()) if isinstance(p, dict) else list(p)
    return -sum(x * math.log(x) for x in values if x > 0)


def distribution(box: Box) -> Counter:
    if box.probs is None:
        return Counter({box.label: box.score, "(rest)": 1 - box.score})
    return Counter({k: p / sum(box.probs) for k, p in enumerate(box.probs)})


def measure(boxes: Frame, n_members: int) -> dict[str, float]:
    """All measures of an object."""
    n, mean = len(boxes), Counter()
    for box in boxes:
        for name, p in distribution(box).items():
            mean[name] += p / n
    first, second = sorted([*mean.values(), 0.0], reverse=True)[:2]
    share = n / n_members
    return {
        "entropy": entropy(mean),
        "least_confidence": 1 - first,
        "margin": 1 - (first - second),
        "class_disagreement": entropy(mean) - sum(entropy(distribution(b)) for b in boxes) / n,
        "box_disagreement": 1 - sum(iou(a, b) for a in boxes for b in boxes) / n**2,
        "box_spread": _spread([b.sides for b in boxes]),
        "existence_disagreement": entropy([share, 1 - share]),
    }


def _spread(sides: list[tuple[float, ...]]) -> float:
    means = [sum(s) / len(sides) for s in zip(*sides, strict=True)]
    sizes = [means[2] - means[0], means[3] - means[1]] * 2
    off = [((s[k] - means[k]) / sizes[k]) ** 2 for s in sides for k in range(4)]
    return math.sqrt(sum(off) / len(off))


def random_frame(rng: np.random.Generator, *, n_members: int, on_grid: bool, with_probs: bool) -> Frame:
    """Some things that members see more or less alike, or not at all, and some that are not there.

    On the grid, sides and scores are few, so that scores, overlaps and whole boxes are often equal.
    """
    frame = []
    for _ in range(int(rng.integers(0, 6))):
        thing = rng.integers(0, 6, 2) * 4.0
        for member in range(n_members):
            for _ in range(int(rng.choice([0, 1, 1, 1, 2]))):
                low = thing + (rng.integers(0, 3, 2) if on_grid else rng.normal(0, 0.5, 2))
                size = (8.0 + 2.0 * rng.integers(0, 2, 2)) if on_grid else rng.uniform(8, 10, 2)
                sides = np.float32([*low, *(low + size)])
                score = float(np.float32(rng.integers(0, 5) / 4 if on_grid else rng.random()))
                probs = tuple(np.float32(rng.dirichlet(np.ones(3))).tolist()) if with_probs else None
                frame.append(Box(tuple(sides.tolist()), score, str(rng.choice(["car", "van"])), member, probs))
    return [frame[i] for i in rng.permutation(len(frame))]


_PLACES = st.tuples(*[st.integers(0, 12)] * 2, *[st.integers(6, 12)] * 2)
BOXES = st.builds(
    lambda place, score, label, member: Box(
        (float(place[0]), float(place[1]), float(place[0] + place[2]), float(place[1] + place[3])), score, label, member
    ),
    _PLACES,
    st.floats(0, 1, width=32),
    st.sampled_from(["car", "van"]),
    st.integers(0, 3),
)
"""Whole boxes that often overlap, of four members and two classes."""
FRAMES = st.lists(BOXES, max_size=10)
