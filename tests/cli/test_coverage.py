"""`oddloop coverage`: gaps of volume, grades with their exit code, what to collect, and the history."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.cli.app import ExitCode, main
from oddloop.coverage import Grade

VOLUME = "\n[coverage.volume]\nleast = 9\n"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["oddloop", *map(str, arguments)])
        try:
            main()
        except SystemExit as leaving:
            return int(leaving.code or 0), capsys.readouterr().out
        return ExitCode.OK, capsys.readouterr().out

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws", config=toy.CONFIG + VOLUME)
    return tmp_path / "ws"


def answer(called: tuple[int, str]) -> Any:
    return json.loads(called[1])


def test_gaps_and_measures_are_shown(call, folder: Path) -> None:
    code, shown = call("coverage", "--workspace", folder)
    assert code == ExitCode.OK
    assert "gaps of volume (n_scenes)" in shown
    assert re.search(r"t_way_total +2 .*share of the \d+ pairs of values that were seen", shown)
    assert "segments reach their target (" in shown
    found = answer(call("coverage", "--workspace", folder, "--json"))
    of_rain = {row["status"]: row["n_scenes"] for row in found["segments"] if row["segment_id"] == "weather=rain"}
    assert re.search(rf"weather=rain +{of_rain['labelled']} +{of_rain['unlabelled']} +{of_rain['eval']} ", shown)
    n_lacking = sum(gap["shortfall"] > 0 for gap in found["volume_gaps"])
    assert f"The largest {n_lacking} of {n_lacking} gaps" in call("coverage", "--workspace", folder, "--gaps", 0)[1]
    assert f"The largest 1 of {n_lacking} gaps" in call("coverage", "--workspace", folder, "--gaps", 1)[1]


def test_where_no_volume_is_asked_for_that_is_said(call, tmp_path: Path) -> None:
    toy.make_workspace(tmp_path / "ws")
    assert "set `least` in [coverage.volume]" in call("coverage", "--workspace", tmp_path / "ws")[1]


def test_a_missed_grade_is_exit_code_3_and_a_met_one_is_not(call, folder: Path) -> None:
    found = answer(call("coverage", "--workspace", folder, "--json"))
    (grade,) = (g for g in found["grades"] if g["what"] == "volume")
    gaps = found["volume_gaps"]
    assert (grade["n_wanted"], grade["n_reached"]) == (len(gaps), sum(g["shortfall"] == 0 for g in gaps))
    assert 0 < grade["share"] < 1 or grade["share"] == 0
    worst = min(g["share"] for g in found["grades"])
    assert call("coverage", "--workspace", folder, "--fail-under", worst)[0] == ExitCode.OK
    assert call("coverage", "--workspace", folder, "--fail-under", worst + 0.01)[0] == ExitCode.TARGET_MISSED


def test_collect_lists_scenes_of_the_pool_and_drives_for_the_rest(call, folder: Path) -> None:
    found = answer(call("coverage", "collect", "--workspace", folder, "--scenes", 0, "--drives", 99, "--json"))
    gaps = {g["segment_id"]: g for g in answer(call("coverage", "--workspace", folder, "--json"))["volume_gaps"]}
    assert all(set(row["segments"]) <= set(gaps) for row in found["scenes"])
    for name, gap in gaps.items():
        listed = sum(name in row["segments"] for row in found["scenes"])
        assert listed >= gap["to_label"], name
    assert found["remaining"] == {}
    code, shown = call("coverage", "collect", "--workspace", folder, "--scenes", 2)
    assert code == ExitCode.OK
    assert "Scenes to label" in shown
    assert "Left open after these" in shown


def test_history_grows_only_with_what_changed(call, folder: Path) -> None:
    call("coverage", "--workspace", folder)
    call("coverage", "--workspace", folder)
    first = answer(call("coverage", "history", "--workspace", folder, "--json"))
    assert len({row["at_ns"] for row in first}) == 1
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace("least = 9", "least = 8"))
    call("coverage", "--workspace", folder)
    second = answer(call("coverage", "history", "--workspace", folder, "--json"))
    assert len({row["at_ns"] for row in second}) == 2
    assert second[: len(first)] == first
    shown = call("coverage", "history", "--workspace", folder)[1].splitlines()
    assert shown[0].startswith("Labelled volume over time")
    everything = [row for row in second if row["segment_id"] == "all" and row["status"] == "labelled"]
    assert [line.split()[2] for line in shown[2:]] == [str(row["n_scenes"]) for row in everything]


def test_a_grade_never_rounds_up_to_all() -> None:
    assert "(99 %)" in str(Grade("volume", 999, 1000))
    assert Grade("volume", 0, 0).share == 1.0


def test_slices_are_listed_with_their_reasons_and_not_searched_again(call, tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    n = 600
    is_bad = [i % 6 == 0 for i in range(n)]
    scenes = {
        "scene_id": [f"s{i:03d}" for i in range(n)],
        "log_id": [f"l{i // 10:02d}" for i in range(n)],
        "start_ns": [i * 10**10 for i in range(n)],
        "duration_s": [10.0] * n,
        "weather": ["fog" if bad else ("dry", "rain")[i % 2] for i, bad in enumerate(is_bad)],
    }
    metrics = {name: [text] * n for name, text in (("model_id", "m"), ("stack", "perception"), ("metric", "accuracy"))}
    value = [0.0 if bad and i % 4 else 1.0 for i, bad in enumerate(is_bad)]
    metrics |= {"scene_id": scenes["scene_id"], "value": value, "support": [1] * n}
    for name, columns in (("scenes", scenes), ("metrics", metrics)):
        (folder / "lake" / name).mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / "lake" / name / "part-0.parquet")
    config = '[workspace]\nname = "wide"\n[attributes.weather]\n'
    (folder / "oddloop.toml").write_text(config)
    assert call("coverage", "slices", "--workspace", folder)[0] == ExitCode.ERROR
    (folder / "oddloop.toml").write_text(config + '[metrics.accuracy]\nbetter = "higher"\n')
    code, shown = call("coverage", "slices", "--workspace", folder)
    assert code == ExitCode.OK
    n_wrong = sum(v == 0 for v in value)
    assert f"weather=fog, accuracy: {n_wrong} of 100 wrong" in " ".join(shown.split())
    found = answer(call("coverage", "slices", "--workspace", folder, "--json"))
    assert [row["segment_id"] for row in found["slices"]] == ["weather=fog"]
    assert len(list((folder / "derived/slices").iterdir())) == 1


def test_where_nothing_stands_out_that_is_said(call, folder: Path) -> None:
    assert "No slice stands out" in call("coverage", "slices", "--workspace", folder)[1]
