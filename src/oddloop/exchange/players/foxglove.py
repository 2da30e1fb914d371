"""Picked scenes as events of Foxglove: a span of time of a device, with metadata that can be searched for.

Format: the body of "create an event" of Foxglove's API, one per scene; keys and values of metadata are text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEVICE_COLUMNS = ("vehicle_id", "log_id")
"""What a device is named by, where the caller names none: the vehicle, else the log."""


def foxglove_events(
    picks: Sequence[Mapping[str, Any]], scenes: pa.Table, round_id: str, device: str = ""
) -> list[dict[str, Any]]:
    """One event per picked scene.

    Args:
        picks: rows of PICKS, in order.
        scenes: SCENES with `start_ns` and `duration_s`.
        round_id: the round.
        device: name of the device of all events; "" takes the scene's vehicle, and its log where there is none.

    Returns:
        bodies of requests, in the order of the picks; none without picks.

    Raises:
        TableError: a picked scene has no start, so that it is nowhere in time.

    >>> start = [1_700_000_000_000_000_000]
    >>> scenes = pa.table({"scene_id": ["a"], "log_id": ["l"], "start_ns": start, "duration_s": [2.5]})
    >>> pick = {"rank": 1, "scene_id": "a", "cost": 2.0, "reasons": [{"text": "uncertain"}]}
    >>> event = foxglove_events([pick], scenes, "r001")[0]
    >>> event["deviceName"], event["start"], event["end"]
    ('l', '2023-11-14T22:13:20.000000Z', '2023-11-14T22:13:22.500000Z')
    """
    ids = pa.array([pick["scene_id"] for pick in picks], pa.string())
    known = scenes.filter(pc.is_in(scenes["scene_id"], value_set=ids))
    rows = {row["scene_id"]: row for row in known.to_pylist()}
    return [_event(pick, rows.get(pick["scene_id"], {}), round_id, device) for pick in picks]


def _event(pick: Mapping[str, Any], scene: dict[str, Any], round_id: str, device: str) -> dict[str, Any]:
    if scene.get("start_ns") is None:
        raise TableError(
            f"scenes: {pick['scene_id']!r} has no `start_ns`, so no event can say when it was; "
            "give the start of scenes, in ns since the Unix epoch"
        )
    start = _EPOCH + timedelta(microseconds=scene["start_ns"] // 1000)
    end = start + timedelta(seconds=scene.get("duration_s") or 0.0)
    name = device or next(str(scene[c]) for c in _DEVICE_COLUMNS if scene.get(c))
    reasons = "; ".join(reason["text"] for reason in pick["reasons"])
    told = {
        "source": "oddloop",
        "scene_id": pick["scene_id"],
        "round_id": round_id,
        "rank": str(pick["rank"]),
        "cost": f"{pick['cost']:g}",
        "reasons": reasons,
    }
    return {"deviceName": name, "start": _text(start), "end": _text(end), "metadata": told}


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
