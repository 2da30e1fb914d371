"""Which scenes a page of cards draws, from which files, and how fast the vehicles are said to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toy
from oddloop.errors import TableError, WorkspaceError
from oddloop.lake import Workspace, find
from oddloop.report.cards_drawings import draw_scenes, read_tracks_of, scenes_to_draw, track_files, with_speed

S_NS = 1_000_000_000


def tracks_of(scene_ids: list[str], n: int = 4, **more: list[object]) -> pa.Table:
    """A vehicle per scene that drives 10 m/s along x, seen twice a second."""
    step = np.tile(np.arange(n), len(scene_ids))
    scene = np.repeat(scene_ids, n)
    columns = {"scene_id": scene, "agent_id": np.full(len(scene), "a"), "timestamp_ns": step * S_NS // 2}
    places = {"x_m": 5.0 * step, "y_m": np.zeros(len(step)), "heading_rad": np.zeros(len(step))}
    return pa.table({**columns, **places, **more})


def card(*typical: str, extreme: tuple[str, ...] = (), uncertain: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return {"typical": list(typical), "extreme": list(extreme), "uncertain": list(uncertain)}


def workspace_with(folder: Path, table: pa.Table | None, setting: str = "") -> Workspace:
    if table is not None:
        toy.write(folder / "drawn", table)
    return Workspace.create(folder, f"[discover.page]\n{setting}\n")


def test_the_most_typical_scene_of_every_card_comes_before_any_second_one() -> None:
    cards = [card("a", "b", "c", extreme=("d",)), card("e", uncertain=("f", "a")), card("b")]
    assert scenes_to_draw(cards) == ["a", "e", "b", "c", "d", "f"]
    assert scenes_to_draw([]) == []


def test_tracks_are_read_by_scene_from_the_named_folder(tmp_path: Path) -> None:
    rows = tracks_of(["s1", "s2", "s3"])
    workspace = workspace_with(tmp_path / "ws", rows.take([9, 1, 5, 0, 8, 2, 4, 3, 11, 10, 7, 6]), 'tracks = "drawn"')
    found = read_tracks_of(track_files(workspace), ["s3", "nowhere", "s1"])
    assert {name: table.num_rows for name, table in found.items()} == {"s3": 4, "s1": 4}
    assert found["s1"].sort_by("timestamp_ns")["x_m"].to_pylist() == [0.0, 5.0, 10.0, 15.0]
    assert read_tracks_of(track_files(workspace), ["nowhere"]) == {}


def test_only_row_groups_that_may_hold_a_wanted_scene_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[int] = set()
    plain = find.read_group
    monkeypatch.setattr(find, "read_group", lambda *args: read.add(args[3]) or plain(*args))
    names = [f"s{i:02d}" for i in range(40)]
    workspace = workspace_with(tmp_path / "ws", tracks_of(names, 5), 'tracks = "drawn"')  # 10 scenes a row group
    found = read_tracks_of(track_files(workspace), ["s07", "s31", "s99", "a"])
    assert sorted(found) == ["s07", "s31"]
    assert read == {0, 3}


def test_rows_without_a_time_a_place_or_a_heading_harm_no_drawing(tmp_path: Path) -> None:
    rows = tracks_of(["s1"], 4)
    for name, values in {
        "timestamp_ns": pa.array([0, None, S_NS, 2 * S_NS]),
        "x_m": pa.array([0.0, 1.0, None, 9.0]),
        "y_m": pa.array([0.0, 0.0, float("inf"), 0.0]),
        "heading_rad": pa.array([0.0, 0.0, 0.0, None], pa.float64()),
    }.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    found = read_tracks_of(track_files(workspace_with(tmp_path / "ws", rows, 'tracks = "drawn"')), ["s1"])
    assert found["s1"].num_rows == 3
    (drawing,) = draw_scenes(found, ["s1"], 10**6).values()
    assert "nan" not in drawing.lower()
    assert "<path" in drawing


def test_a_workspace_without_tracks_has_none_and_a_wrong_setting_is_named(tmp_path: Path) -> None:
    assert not track_files(workspace_with(tmp_path / "none", None))
    with pytest.raises(WorkspaceError, match=r"\[discover.page\] tracks = 'nowhere'"):
        track_files(workspace_with(tmp_path / "wrong", None, 'tracks = "nowhere"'))
    lacking = workspace_with(tmp_path / "lacking", tracks_of(["s"]).drop_columns("y_m"), 'tracks = "drawn"')
    with pytest.raises(TableError, match="column `y_m` is missing"):
        read_tracks_of(track_files(lacking), ["s"])


def test_drawings_stop_where_the_room_ends() -> None:
    tracks = {name: tracks_of([name]) for name in ("s1", "s2", "s3")}
    whole = draw_scenes(tracks, ["s2", "lacking", "s1", "s3"], 10**6)
    assert list(whole) == ["s2", "s1", "s3"]
    room = len(whole["s2"].encode()) + len(whole["s1"].encode())
    assert draw_scenes(tracks, ["s2", "s1", "s3"], room) == {"s2": whole["s2"], "s1": whole["s1"]}
    assert draw_scenes(tracks, ["s2"], 10) == {}


def test_speed_that_is_not_given_is_measured_from_places() -> None:
    assert with_speed(tracks_of(["s"], 9))["speed_mps"].to_pylist() == [10.0] * 9
    given_speed = tracks_of(["s"], 2, speed_mps=[None, 3.0])
    assert with_speed(given_speed)["speed_mps"].to_pylist() == [None, 3.0]
    assert np.isnan(with_speed(tracks_of(["s"], 1))["speed_mps"].to_numpy()).all()
    assert with_speed(tracks_of([])).num_rows == 0


@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_speed_agrees_with_a_loop_over_rows(n_agents: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    agent = rng.integers(0, n_agents, n)
    time_ns = 1_700_000_000 * S_NS + rng.permutation(40)[:n] * S_NS // 4
    xy = rng.normal(size=(n, 2)) * 20
    rows = {"agent_id": agent.astype(str), "timestamp_ns": time_ns, "x_m": xy[:, 0], "y_m": xy[:, 1]}
    found = with_speed(pa.table(rows))["speed_mps"].to_numpy()
    for i in range(n):
        near = [j for j in range(n) if agent[j] == agent[i] and abs(time_ns[j] - time_ns[i]) <= S_NS]
        first, last = min(near, key=lambda j: time_ns[j]), max(near, key=lambda j: time_ns[j])
        passed_s = (time_ns[last] - time_ns[first]) / S_NS
        expected = np.nan if first == last else np.hypot(*(xy[last] - xy[first])) / passed_s
        np.testing.assert_allclose(found[i], expected, rtol=1e-9)
