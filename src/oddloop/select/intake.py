"""Which of the scenes that come in are kept: those of a high score, within limits per segment and hour.

Limits are on the scenes that are kept at a time. `first` keeps scenes as they come until a segment's limit is reached.
`reservoir` draws a number for each scene from the seed, the hour and its id; a segment keeps those of the largest
numbers. A scene that comes later may thus take the place of one that was kept, which is named and may be let go. What
is kept in the end depends on which scenes came, never on their order, as long as the limit of the whole hour is not
reached. Weighted by a score w, the number is ln(u) / w with u uniform: a draw without replacement in proportion to w
(Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006, algorithm A-Res; the logarithm of theirs).

Time grows with the scenes that are asked about, memory with those and as many of the weakest that are kept.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from oddloop.config import How

Reason = Literal["kept", "drawn", "kept_before", "no_score", "low_score", "segment_full", "hour_full", "outdrawn"]
"""`kept`, `drawn` (in the place of another) and `kept_before` are a yes."""
YES: tuple[Reason, ...] = ("kept", "drawn", "kept_before")


@dataclass(frozen=True)
class Rules:
    """What is kept.

    Attributes:
        threshold: no scene of a lower score is kept; None: scores do not matter.
        per_hour: scenes kept in an hour at most; None: any number.
        per_segment: the same of one segment.
        limits: the same by segment, instead of `per_segment`.
        how: what happens once a segment's limit is reached.
        weighted: whether a draw is in proportion to the score.
        seed: seed of the draws.
    """

    threshold: float | None = None
    per_hour: int | None = None
    per_segment: int | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    how: How = "first"
    weighted: bool = False
    seed: int = 0

    def limit_of(self, segment: str) -> float:
        """Scenes of a segment that are kept in an hour at most; infinity where any number."""
        limit = self.limits.get(segment, self.per_segment)
        return math.inf if limit is None else limit


@dataclass(frozen=True)
class Asked:
    """A scene that has come in: its segment, and its score; None where nobody knows."""

    scene_id: str
    segment: str
    score: float | None = None


@dataclass(frozen=True)
class Hour:
    """What is kept of an hour so far.

    Attributes:
        hour: hours since the Unix epoch.
        n_kept: scenes by segment.
        weakest: per segment the (number drawn, scene_id) of kept scenes, lowest first: all, or as many as are asked
            about next.
        scene_ids: those asked about next that are kept already, of any hour.
    """

    hour: int
    n_kept: Mapping[str, int] = field(default_factory=dict)
    weakest: Mapping[str, Sequence[tuple[float, str]]] = field(default_factory=dict)
    scene_ids: Collection[str] = ()


@dataclass(frozen=True)
class Answer:
    """Whether a scene is kept, and why.

    Attributes:
        reason: the rule that decided.
        drawn: the number that it drew, 0 or less; 0 where none was drawn.
        instead_of: the scene that was kept and whose place it takes; "" where that is nobody's.
    """

    reason: Reason
    drawn: float = 0.0
    instead_of: str = ""

    @property
    def keep(self) -> bool:
        """Yes or no."""
        return self.reason in YES


def answer_all(asked: Sequence[Asked], rules: Rules, hour: Hour) -> list[Answer]:
    """Say of each scene whether it is kept, in their order; changes nothing.

    >>> rules = Rules(threshold=0.5, per_segment=1)
    >>> asked = [Asked("a", "rain", 0.9), Asked("b", "rain", 0.8), Asked("c", "dry", 0.2), Asked("a", "rain", 0.9)]
    >>> [answer.reason for answer in answer_all(asked, rules, Hour(0))]
    ['kept', 'segment_full', 'low_score', 'kept_before']
    """
    places = _Places(rules, hour)
    return [places.answer(scene) for scene in asked]


def draw(scene_id: str, seed: int, hour: int, weight: float = 1.0) -> float:
    """The number that a scene draws in an hour: ln(u) / weight, below 0; -inf where the weight is not positive.

    >>> draw("a", 0, 5) == draw("a", 0, 5), draw("a", 0, 5) == draw("a", 1, 5), draw("a", 0, 5, weight=0.0)
    (True, False, -inf)
    """
    if not weight > 0:
        return -math.inf
    digest = hashlib.blake2b(f"{seed}/{hour}/{scene_id}".encode(), digest_size=8).digest()
    return math.log((int.from_bytes(digest) + 0.5) / 2**64) / weight


class _Places:
    """The places of an hour while scenes take them."""

    def __init__(self, rules: Rules, hour: Hour) -> None:
        self._rules, self._hour = rules, hour.hour
        self._n_kept = dict(hour.n_kept)
        self._total = sum(self._n_kept.values())
        self._weakest = {segment: list(kept) for segment, kept in hour.weakest.items()}  # sorted, and so a heap
        self._kept = set(hour.scene_ids)

    def answer(self, scene: Asked) -> Answer:
        answer = self._decide(scene)
        if answer.reason in ("kept", "drawn"):
            self._take(scene, answer)
        return answer

    def _decide(self, scene: Asked) -> Answer:
        rules = self._rules
        if scene.scene_id in self._kept:
            return Answer("kept_before")
        if refusal := self._refuse_score(scene):
            return Answer(refusal)
        n_kept, limit = self._n_kept.get(scene.segment, 0), rules.limit_of(scene.segment)
        drawn = self._draw(scene)
        if n_kept >= limit:
            return self._outdraw(scene, drawn) if rules.how == "reservoir" and limit > 0 else Answer("segment_full")
        if rules.per_hour is not None and self._total >= rules.per_hour:
            return Answer("hour_full", drawn)
        return Answer("kept", drawn)

    def _refuse_score(self, scene: Asked) -> Literal["no_score", "low_score"] | None:
        needs_score = self._rules.threshold is not None or self._rules.weighted
        if needs_score and (scene.score is None or math.isnan(scene.score)):
            return "no_score"
        is_low = self._rules.threshold is not None and (scene.score or 0.0) < self._rules.threshold
        return "low_score" if is_low else None

    def _draw(self, scene: Asked) -> float:
        if self._rules.how == "first":
            return 0.0
        return draw(scene.scene_id, self._rules.seed, self._hour, scene.score or 0.0 if self._rules.weighted else 1.0)

    def _outdraw(self, scene: Asked, drawn: float) -> Answer:
        weakest = self._weakest[scene.segment][0]
        if (drawn, scene.scene_id) > weakest:
            return Answer("drawn", drawn, weakest[1])
        return Answer("outdrawn", drawn)

    def _take(self, scene: Asked, answer: Answer) -> None:
        places = self._weakest.setdefault(scene.segment, [])
        self._kept.add(scene.scene_id)
        if answer.reason == "drawn":
            heapq.heapreplace(places, (answer.drawn, scene.scene_id))
            self._kept.discard(answer.instead_of)
            return
        heapq.heappush(places, (answer.drawn, scene.scene_id))
        self._n_kept[scene.segment] = self._n_kept.get(scene.segment, 0) + 1
        self._total += 1
