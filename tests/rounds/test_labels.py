"""Labels coming back: once, for the right round, or refused as a whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import toy
from oddloop.errors import TableError
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.labels import Receipt, count_labelled, receive_labels
from oddloop.rounds.state import RoundState
from oddloop.tables import LABELS

ROUND = RoundState("r001", "proposed", proposal={"picks": [{"scene_id": "log1/s0"}, {"scene_id": "log1/s1"}]})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return toy.make_workspace(tmp_path / "ws")


def deliver(workspace: Workspace, **columns: object) -> Receipt:
    return receive_labels(workspace, pa.table(columns), ROUND, at_ns=9)


def labels_of(workspace: Workspace, *scene_ids: str) -> list[dict[str, object]]:
    rows = read_table(workspace.table("labels"), LABELS).to_pylist()
    return [row for row in rows if row["scene_id"] in scene_ids]


def test_picks_belong_to_the_round_and_other_scenes_to_none(workspace: Workspace) -> None:
    receipt = deliver(workspace, scene_id=["log1/s0", "log2/s0"], cost=[1.5, None])
    assert (receipt.n_new, receipt.n_known) == (2, 0)
    assert labels_of(workspace, "log1/s0", "log2/s0") == [
        {"scene_id": "log1/s0", "labelled_at_ns": 9, "round_id": "r001", "cost": 1.5},
        {"scene_id": "log2/s0", "labelled_at_ns": 9, "round_id": None, "cost": None},
    ]


def test_the_same_delivery_twice_changes_nothing(workspace: Workspace) -> None:
    deliver(workspace, scene_id=["log1/s0"])
    before = read_table(workspace.table("labels"), LABELS)
    assert deliver(workspace, scene_id=["log1/s0"]) == Receipt(0, 1, "")
    assert read_table(workspace.table("labels"), LABELS).equals(before)


def test_what_is_labelled_is_counted_with_its_real_cost(workspace: Workspace) -> None:
    deliver(workspace, scene_id=["log1/s0", "log1/s1"], cost=[1.5, 2.0])
    assert count_labelled(workspace, ["log1/s0", "log1/s1", "log1/s2"]) == (2, 3.5)
    deliver(workspace, scene_id=["log1/s2"])
    assert count_labelled(workspace, ["log1/s0", "log1/s2"]) == (2, None)  # one cost is not known
    assert count_labelled(workspace, []) == (0, None)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"scene": ["log1/s0"]}, "column `scene_id` is missing; it has: scene"),
        ({"scene_id": ["log1/s0", "log1/s0"]}, "a scene_id is null or twice"),
        ({"scene_id": ["log1/s0", None]}, "a scene_id is null or twice"),
        ({"scene_id": ["log1/s0", "nowhere"]}, "1 scenes are not in `scenes`, first 'nowhere'"),
        ({"scene_id": ["log1/s0"], "cost": [-1.0]}, "a cost is negative or not finite"),
        ({"scene_id": ["log1/s0"], "cost": [float("nan")]}, "a cost is negative or not finite"),
    ],
)
def test_a_bad_delivery_is_refused_as_a_whole(workspace: Workspace, columns: dict[str, object], message: str) -> None:
    before = workspace.table("labels").files
    with pytest.raises(TableError, match=message):
        deliver(workspace, **columns)
    assert workspace.table("labels").files == before
