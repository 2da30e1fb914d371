"""What keeps held-out scenes out of training: found as a double loop finds it, refused before anything is done."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.config import LeakageConfig, load_config
from oddloop.derived_tables import NEAR_DUPLICATES
from oddloop.errors import LeakageError
from oddloop.lake import Workspace
from oddloop.rounds.leakage import (
    check_leakage,
    find_copies,
    find_neighbours,
    find_shared_logs,
    guard_training,
)
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run, train_if_due
from oddloop.rounds.shell import Step
from oddloop.rounds.train_due import labelled_scenes

S = 10**9
SCENE = st.tuples(
    st.sampled_from(["l0", "l1", "l2", None]),
    st.sampled_from(["v0", "v1", None]),
    st.one_of(st.none(), st.integers(0, 30)),
    st.sampled_from([1.0, 2.5, 20.0, float("nan")]),
)


def scenes_of(rows: list[tuple], prefix: str) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return pa.table(
        {
            "scene_id": pa.array([f"{prefix}{i}" for i in range(len(rows))], pa.string()),
            "log_id": pa.array(columns[0], pa.string()),
            "vehicle_id": pa.array(columns[1], pa.string()),
            "start_ns": pa.array([None if t is None else t * S for t in columns[2]], pa.int64()),
            "duration_s": pa.array(columns[3], pa.float64()),
        }
    )


def are_near(a: tuple, b: tuple, gap_s: float) -> bool:
    """The definition, for one pair."""
    if a[2] is None or b[2] is None or np.isnan(a[3]) or np.isnan(b[3]):
        return False
    same = (a[0] is not None and a[0] == b[0]) or (a[1] is not None and a[1] == b[1])
    gap = max(b[2] - (a[2] + a[3]), a[2] - (b[2] + b[3]))
    return same and gap <= gap_s


@given(st.lists(SCENE, max_size=12), st.lists(SCENE, max_size=12), st.sampled_from([0.0, 1.5, 4.0, 100.0]))
def test_neighbours_are_those_of_a_double_loop(mine: list[tuple], theirs: list[tuple], gap_s: float) -> None:
    found = find_neighbours(scenes_of(mine, "t"), scenes_of(theirs, "h"), gap_s)
    expected = [f"t{i}" for i, a in enumerate(mine) if any(are_near(a, b, gap_s) for b in theirs)]
    assert found.training.to_pylist() == expected
    for training, witness in zip(found.training.to_pylist(), found.held_out.to_pylist(), strict=True):
        assert are_near(mine[int(training[1:])], theirs[int(witness[1:])], gap_s)


@given(st.lists(SCENE, max_size=12), st.lists(SCENE, max_size=12))
def test_shared_logs_are_those_of_a_double_loop(mine: list[tuple], theirs: list[tuple]) -> None:
    found = find_shared_logs(scenes_of(mine, "t"), scenes_of(theirs, "h"))
    logs = {b[0] for b in theirs} - {None}
    assert found.training.to_pylist() == [f"t{i}" for i, a in enumerate(mine) if a[0] in logs]


def test_times_far_out_of_this_century_do_not_wrap_around() -> None:
    first = pa.table({"scene_id": ["a"], "log_id": ["l"], "start_ns": pa.array([2**63 - 1]), "duration_s": [1e300]})
    assert len(find_neighbours(first, first.set_column(2, "start_ns", [pa.array([-(2**63)])]), 5.0)) == 0
    assert len(find_neighbours(first, first, 5.0)) == 1


@pytest.mark.parametrize(
    ("cosine", "concerned"),
    [
        (0.99, ["a", "r", "b"]),  # r stands for a, b and the held-out h
        (0.9999, ["a", "r"]),  # b is not that near to r
        (1.0, []),
    ],
)
def test_copies_are_those_that_one_scene_stands_for(cosine: float, concerned: list[str]) -> None:
    rows = [("a", "r", 0.99995), ("b", "r", 0.992), ("h", "r", 0.99999), ("c", "q", 1.0)]
    table = pa.table(
        [pa.array(c) for c in zip(*[(*row, False) for row in rows], strict=True)], schema=NEAR_DUPLICATES.schema()
    )
    training = pa.table({"scene_id": ["a", "r", "b", "c", "q"]})
    found = find_copies(training, pa.table({"scene_id": ["h", "x"]}), table, cosine)
    assert found.training.to_pylist() == concerned
    assert set(found.held_out.to_pylist()) <= {"h"}


def with_leak(folder: Path, rule: str = "", train: str = "") -> Workspace:
    """A toy workspace of which two labelled scenes of log0 are held out, so that the other four leak."""
    config = toy.CONFIG + (f'\n[leakage]\nlogs = "{rule}"\nneighbours = "{rule}"\n' if rule else "")
    workspace = toy.make_workspace(folder, config=config, train=train)
    scenes = toy.scenes_table()
    is_held = pc.is_in(scenes["scene_id"], value_set=pa.array(["log0/s0", "log0/s1"]))
    split = pc.if_else(is_held, "eval", scenes["split"])
    toy.write(folder / "lake/scenes", scenes.set_column(scenes.schema.get_field_index("split"), "split", split))
    return workspace


def test_a_leak_is_refused_before_training_with_its_pairs_and_recorded_nowhere(tmp_path: Path) -> None:
    workspace = with_leak(tmp_path / "ws")
    with pytest.raises(LeakageError) as refused:
        train_if_due(workspace, toy.shell())
    text = str(refused.value)
    assert "logs: 4 scenes are of the log of a held-out scene: `log0/s2` (held out: `log0/s0`)" in text
    assert "neighbours: 1 scene is of the log or vehicle of a held-out scene, at most 5 s from it: `log0/s2`" in text
    assert "nothing was trained" in text
    assert 'set [leakage] logs, neighbours = "leave_out"' in text
    assert open_ledger(workspace).events() == []
    assert not workspace.storage.exists("derived/train")


def test_scenes_that_leak_can_be_left_out_and_the_record_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    workspace = with_leak(folder, "leave_out")
    labels = toy.labels_table(toy.scenes_table())
    more = labels.slice(0, 1).set_column(0, "scene_id", [["log3/s0"]])
    toy.write(folder / "lake/labels", pa.concat_tables([labels, more]))
    record = train_if_due(workspace, toy.shell())
    assert record["leakage"]["logs"]["n_scenes"] == 4
    assert record["leakage"]["logs"]["pairs"][0] == ["log0/s2", "log0/s0"]
    assert record["dataset"]["n_scenes"] == 1
    trained = workspace.storage.read_table(f"derived/train/{record['digest']}/labelled.parquet")
    assert trained["scene_id"].to_pylist() == ["log3/s0"]


def test_leaving_out_everything_is_refused(tmp_path: Path) -> None:
    workspace = with_leak(tmp_path / "ws", "leave_out")
    with pytest.raises(LeakageError, match="leaves out every labelled scene"):
        guard_training(workspace, labelled_scenes(workspace))


@pytest.mark.parametrize(("rule", "n_found"), [("warn", 2), ("allow", 0)])
def test_a_team_may_train_on_what_leaks_all_the_same(tmp_path: Path, rule: str, n_found: int) -> None:
    workspace = with_leak(tmp_path / "ws", rule)
    guarded = guard_training(workspace, labelled_scenes(workspace))
    assert (guarded.labelled.num_rows, len(guarded.leaks)) == (4, n_found)


def test_near_duplicates_are_those_of_the_last_discovery(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    workspace = toy.make_workspace(folder)
    toy.run_at(folder)
    assert check_leakage(workspace) == []
    ledger = open_ledger(workspace)
    digest = ledger.rounds()[-1].proposal["stages"]["discover"]
    row = [["log0/s0"], ["log7/s0"], [0.999999], [False]]  # not a result of the toy's random scenes
    file = folder / f"derived/discover/{digest}"
    toy.write(file, pa.table([pa.array(c) for c in row], schema=NEAR_DUPLICATES.schema()), "near_duplicates.parquet")
    with pytest.raises(LeakageError, match="near_duplicates: 1 scene is nearly the same as a held-out scene"):
        guard_training(workspace, labelled_scenes(workspace), ledger.rounds())


def test_the_settings_on_the_page_are_the_defaults() -> None:
    page = Path(__file__).parents[2] / "docs/how-to/datasets.md"
    shown, formats = re.findall(r"^```toml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert load_config(shown).leakage == LeakageConfig()
    assert load_config(formats).datasets.tag


def test_check_asks_ahead(tmp_path: Path) -> None:
    with_leak(tmp_path / "ws")
    told = CliRunner().invoke(app, ["check", "--leakage", "--json", "--workspace", str(tmp_path / "ws")])
    assert told.exit_code == 1
    logs, neighbours = json.loads(told.stdout)
    assert (logs["rule"], logs["says"], logs["n_scenes"], len(logs["pairs"])) == ("logs", "refuse", 4, 4)
    assert neighbours["pairs"] == [["log0/s2", "log0/s1"]]
    toy.make_workspace(tmp_path / "sound")
    sound = CliRunner().invoke(app, ["check", "--leakage", "--workspace", str(tmp_path / "sound")])
    assert (sound.exit_code, sound.stdout) == (0, "No labelled scene is too close to a held-out one.\n")
    assert not (tmp_path / "sound/ledger.db").exists()


def test_picks_that_could_not_be_trained_on_are_told_before_they_are_labelled(tmp_path: Path) -> None:
    workspace = with_leak(tmp_path / "ws", "leave_out")
    more = toy.labels_table(toy.scenes_table()).slice(0, 1).set_column(0, "scene_id", [["log3/s0"]])
    toy.write(tmp_path / "ws/lake/labels", more)  # so that all of log0, which has held-out scenes, may be picked
    text = (tmp_path / "ws/oddloop.toml").read_text().replace("budget = 3.0", "budget = 1000.0")
    (tmp_path / "ws/oddloop.toml").write_text(text)
    steps: list[Step] = []
    run(Workspace.open(workspace.storage.url), replace(toy.shell(), on_step=steps.append))
    told = [step.detail for step in steps if step.name == "leakage"]
    assert "logs: 4 scenes are of the log of a held-out scene: `log0/s" in told[0]["picks"]
    assert told[0]["says"] == '[leakage] logs = "leave_out"'
    run(Workspace.open(workspace.storage.url), replace(toy.shell(), on_step=(again := []).append))
    assert [step for step in again if step.name == "leakage"] == []
