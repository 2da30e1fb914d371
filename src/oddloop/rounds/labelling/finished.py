"""Which scenes a delivery finishes, and what is then known of each: objects, cost, skipped frames.

A scene is finished when all that was sent of it is answered. Nothing is written here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oddloop.config import Config
from oddloop.exchange.labelling.batch import Unit
from oddloop.exchange.labelling.delivery import Answer, Delivery, Faults, Sent, sum_times

CORNERS = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
OBJECTS_SCHEMA = pa.schema(
    [(n, pa.string()) for n in ("frame_id", "scene_id", "object_id", "category")] + [(n, pa.float64()) for n in CORNERS]
)
"""What is written to `objects`."""
_PER_HOUR = {"hours": 1.0, "hour": 1.0, "h": 1.0, "minutes": 60.0, "min": 60.0, "seconds": 3600.0, "s": 3600.0}
"""Cost units that are times."""


_UNTOLD: Mapping[str, float] = {}


@dataclass(frozen=True)
class FinishedScene:
    """A scene of which all is answered.

    Attributes:
        round_id, scene_id: what it is.
        rows: its objects, as rows of `objects`.
        cost: what it took, in the cost unit; None where a time or the price of an hour is not known.
        skipped: frames that were looked at and left without labels.
        is_skipped: whether all of it was.
    """

    round_id: str
    scene_id: str
    rows: tuple[Mapping[str, Any], ...]
    cost: float | None
    skipped: tuple[str, ...]
    is_skipped: bool

    def table(self) -> pa.Table:
        """Its objects."""
        return pa.Table.from_pylist(list(self.rows), schema=OBJECTS_SCHEMA)


def finished_scenes(
    delivery: Delivery, sent: Sent, config: Config, times_s: Mapping[str, float] = _UNTOLD
) -> tuple[list[FinishedScene], int]:
    """Scenes that the delivery finishes, in the order in which they were sent; and how many it leaves open.

    `times_s` says what scenes took, in s, where the tool itself does not.
    """
    answers = {answer.unit: answer for answer in delivery.answers}
    by_scene: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in sent.by_key.values():
        by_scene[unit.round_id, unit.scene_id].append(unit)
    mine = {(unit.round_id, unit.scene_id) for unit in answers}
    done, n_open = [], 0
    for key, units in by_scene.items():
        found = [answers[unit] for unit in units if unit in answers and answers[unit].state != "open"]
        if len(found) == len(units):
            done.append(_finished(key, found, config, times_s.get(key[1])))
        elif key in mine:
            n_open += 1
    return done, n_open


def refuse_strange_classes(delivery: Delivery, known: Collection[str]) -> None:
    """Refuse classes that the workspace does not know, where it knows any.

    Raises:
        LabellingError: names them all.
    """
    counts: dict[str, int] = defaultdict(int)
    for answer in delivery.answers:
        for box in answer.boxes:
            counts[box.category] += box.category not in known
    strange = {name: n for name, n in sorted(counts.items()) if n}
    if not strange or not known:
        return
    faults = Faults(f"the delivery from {delivery.tool}")
    for name, n in strange.items():
        faults.add(f"class {name!r:.60}", f"{n} objects; known are {', '.join(sorted(known))}. Rename it in the tool, "
                                          "or add it to classes in [labelling]")  # fmt: skip
    faults.refuse()


def cost_of(time_s: float | None, config: Config) -> float | None:
    """A time in the workspace's cost unit; None where nothing says what an hour costs.

    >>> from oddloop.config import Config, CostConfig
    >>> cost_of(90.0, Config(cost=CostConfig(unit="minutes"))), cost_of(90.0, Config())
    (1.5, None)
    """
    per_hour = config.labelling.cost_per_hour or _PER_HOUR.get(config.cost.unit.lower())
    return None if time_s is None or per_hour is None else time_s / 3600.0 * per_hour


def _finished(key: tuple[str, str], answers: list[Answer], config: Config, told_s: float | None) -> FinishedScene:
    round_id, scene_id = key
    skipped = tuple(a.unit.frame_id for a in answers if a.state == "skipped")
    rows = [
        {
            "frame_id": answer.unit.frame_id,
            "scene_id": scene_id,
            "object_id": box.object_id,
            "category": box.category,
            **dict(zip(CORNERS, box.corners, strict=True)),
        }
        for answer in answers
        for box in answer.boxes
    ]
    summed_s = sum_times([a.time_s for a in answers])
    cost = cost_of(told_s if summed_s is None else summed_s, config)
    return FinishedScene(round_id, scene_id, tuple(rows), cost, skipped, len(skipped) == len(answers))
