"""Events of Foxglove: the right time on the right device, with texts only; a scene without a start is refused."""

from __future__ import annotations

import pyarrow as pa
import pytest

from oddloop.errors import TableError
from oddloop.exchange.players import foxglove_events

START_NS = 1_700_000_000_123_456_789


def scenes(**columns: list) -> pa.Table:
    given = {"scene_id": ["b", "a"], "log_id": ["l2", "l1"], "start_ns": [0, START_NS], "duration_s": [None, 1.5]}
    return pa.table(given | columns)


def pick(scene_id: str, rank: int = 1) -> dict:
    return {"rank": rank, "scene_id": scene_id, "cost": 2.25, "reasons": [{"text": "rare"}, {"text": "near a gap"}]}


def test_an_event_spans_the_scene_and_says_why_it_was_picked() -> None:
    one, other = foxglove_events([pick("a"), pick("b", 2)], scenes(), "r007")
    assert (one["start"], one["end"]) == ("2023-11-14T22:13:20.123456Z", "2023-11-14T22:13:21.623456Z")
    assert one["deviceName"] == "l1"
    assert one["metadata"] == {"source": "oddloop", "scene_id": "a", "round_id": "r007", "rank": "1", "cost": "2.25",
                               "reasons": "rare; near a gap"}  # fmt: skip
    assert other["start"] == other["end"] == "1970-01-01T00:00:00.000000Z"


def test_a_device_is_the_one_given_else_the_vehicle_else_the_log() -> None:
    with_vehicle = scenes(vehicle_id=["v2", None])
    assert [e["deviceName"] for e in foxglove_events([pick("a"), pick("b")], with_vehicle, "r1")] == ["l1", "v2"]
    assert foxglove_events([pick("a")], with_vehicle, "r1", "car 7")[0]["deviceName"] == "car 7"


@pytest.mark.parametrize("table", [scenes(start_ns=[0, None]), scenes().drop(["start_ns"]), scenes().slice(0, 1)])
def test_a_scene_that_is_nowhere_in_time_is_refused(table: pa.Table) -> None:
    with pytest.raises(TableError, match=r"'a' has no `start_ns`"):
        foxglove_events([pick("a")], table, "r1")


def test_no_picks_make_no_events() -> None:
    assert foxglove_events([], scenes(), "r1") == []
