"""`oddloop select`: what is picked and why, what another budget would change, what policies would have found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.cli.app import ExitCode, main


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["oddloop", "select", *map(str, arguments)])
        code = ExitCode.OK
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def folder(tmp_path: Path, call) -> Path:
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def use_gap_driven(folder: Path, more: str = "") -> None:
    text = (folder / "oddloop.toml").read_text()
    (folder / "oddloop.toml").write_text(text.replace('policy = "uncertainty"', 'policy = "gap_driven"') + more)


def picks(call, folder: Path) -> dict:
    code, out, err = call("-w", folder, "--json")
    assert code == 0, err
    return json.loads(out)


def test_gap_driven_picks_under_the_budget_and_says_why(call, folder: Path) -> None:
    use_gap_driven(folder)
    found = picks(call, folder)
    assert found["picks"][-1]["cumulative_cost"] <= 3.0
    assert {pick["reasons"][0]["code"] for pick in found["picks"]} <= {"cover", "explore", "control"}
    assert "left" in found["stopped"]
    assert picks(call, folder) == found


def test_a_quota_is_filled_and_one_that_cannot_be_is_told(call, folder: Path) -> None:
    more = '\n[[select.quotas]]\nwhere = { weather = "rain" }\nminimum = 1\n'
    more += '\n[[select.quotas]]\nwhere = { weather = "rain", rain = "moderate" }\nminimum = 99\n'
    use_gap_driven(folder, more)
    found = picks(call, folder)
    assert "quota weather=rain, rain=moderate: " in found["stopped"]
    if "quota weather=rain:" not in found["stopped"]:
        assert any(pick["reasons"][0]["code"] == "quota" for pick in found["picks"])


def test_an_unknown_attribute_of_a_quota_is_told_and_nothing_is_picked(call, folder: Path) -> None:
    use_gap_driven(folder, '\n[[select.quotas]]\nwhere = { wether = "fog" }\nminimum = 1\n')
    code, _, err = call("-w", folder)
    assert code == ExitCode.ERROR
    assert "there is no attribute 'wether'" in err


def test_explain_a_pick_a_candidate_and_what_is_neither(call, folder: Path) -> None:
    use_gap_driven(folder)
    first = picks(call, folder)["picks"][0]["scene_id"]
    assert f"{first} is pick 1 of" in call("-w", folder, "--explain", first)[1]
    code, _, err = call("-w", folder, "--explain", "nobody")
    assert (code, "there is no scene 'nobody'" in err) == (ExitCode.ERROR, True)


def test_every_scene_can_be_explained(call, folder: Path) -> None:
    use_gap_driven(folder)
    verdicts = []
    for scene_id in toy.scenes_table()["scene_id"].to_pylist():
        code, out, err = call("-w", folder, "--explain", scene_id, "--json")
        assert code == 0, err
        verdicts.append(json.loads(out)["verdict"])
    said = " ".join(verdicts)
    assert all(part in said for part in ("is pick 1 of", "it would come as number", "held out", "has labels"))


def test_what_another_budget_would_change(call, folder: Path) -> None:
    code, out, err = call("-w", folder, "--what-if", "budget=6", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["cost_then"] > found["cost_now"]
    assert len(found["comes"]) == found["n_then"] - found["n_now"] + len(found["goes"])
    assert "--what-if 'bugdet=6'" in call("-w", folder, "--what-if", "bugdet=6")[2]
    assert "a budget is a number above 0" in call("-w", folder, "--what-if", "budget=much")[2]


def test_backtest_beside_random_and_the_bound(call, folder: Path) -> None:
    scenes = toy.scenes_table()
    everywhere = scenes.set_column(scenes.schema.get_field_index("split"), "split", pa.array(["eval"] * len(scenes)))
    toy.write(folder / "lake/metrics", toy.metrics_table(everywhere))
    code, out, err = call("backtest", "uncertainty", "gap_driven", "-w", folder, "--draws", 4, "--json")
    assert code == 0, err
    rows = json.loads(out)["rows"]
    assert {row["policy"] for row in rows} == {"uncertainty", "gap_driven", "random", "object_count", "oracle"}
    assert all(row["found_low"] <= row["found"] <= row["found_high"] for row in rows)
    assert "random" in call("backtest", "-w", folder, "--draws", 4)[1]


def test_backtest_of_what_is_not_there(call, folder: Path) -> None:
    code, _, err = call("backtest", "kcentre", "-w", folder)
    assert (code, "did you mean `kcenter`" in err) == (ExitCode.ERROR, True)


def test_an_explanation_under_other_settings(call, folder: Path) -> None:
    picked = {pick["scene_id"] for pick in picks(call, folder)["picks"]}
    every = {f"log{log}/s{scene}" for log in range(1, 6) for scene in range(6)}
    other = sorted(every - picked)[0]
    assert "is not picked" in call("-w", folder, "--explain", other)[1]
    code, out, err = call("-w", folder, "--explain", other, "--what-if", "budget=500")
    assert code == 0, err
    assert f"{other} is pick " in out
    code, _, err = call("-w", folder, "--explain", other, "--what-if", "budget=no")
    assert code == 1
    assert "a budget is a number above 0" in err


def test_the_name_of_a_policy_is_not_read_as_an_emoji(call, folder: Path) -> None:
    (folder / "plain_policy.py").write_text("def ok(pool, budget, rng):\n    return [0]\n")
    code, out, err = call("-w", folder, "--what-if", "policy=plain_policy:ok")
    assert code == 0, err
    assert out.startswith("With policy=plain_policy:ok: 1 picks")


def test_a_policy_without_source_is_refused(call, folder: Path) -> None:
    code, _, err = call("-w", folder, "--what-if", "policy=math:floor")
    assert code == 1
    assert "policy = 'math:floor': there is no source of 'math' that picks could be traced to" in err


def test_what_keeps_a_scene_out_at_any_budget_is_said(call, folder: Path) -> None:
    part = folder / "lake/predictions/classification/toy_model/part-0.parquet"
    table = pq.read_table(part)
    pq.write_table(table.filter(pc.not_equal(table["scene_id"], "log1/s0")), part)
    code, out, err = call("-w", folder, "--explain", "log1/s0")
    assert code == 0, err
    assert "would not be at any budget: policy `uncertainty` ranks by a score, and it has none that is valid" in out
    use_gap_driven(folder, '\n[[select.quotas]]\nwhere = { weather = "clear" }\nmaximum = 0\n')
    assert "or a quota's maximum keeps it out" in call("-w", folder, "--explain", "log2/s0")[1]


def test_a_quota_on_scenarios_that_nobody_named_says_how(call, folder: Path) -> None:
    use_gap_driven(folder, '\n[[select.quotas]]\nwhere = { scenario = "tram" }\nminimum = 1\n')
    code, _, err = call("-w", folder)
    assert code == 1
    assert "there is no attribute 'scenario'" in err
    assert "scenarios come from `oddloop discover name`" in err
