"""Scenario files: read back by a YAML reader of others; what they say is what was measured."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.discover.cards.parameters import measure_parameters
from oddloop.errors import WorkspaceError
from oddloop.exchange.yaml_text import yaml_lines

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(10**15), 10**15), TEXT,
                    st.floats(allow_nan=False, allow_infinity=False))  # fmt: skip
TREES = st.recursive(
    st.dictionaries(TEXT, st.one_of(SCALARS, st.lists(SCALARS, max_size=3)), min_size=1, max_size=4),
    lambda inner: st.dictionaries(TEXT, st.one_of(inner, st.lists(inner, min_size=1, max_size=3)),
                                  min_size=1, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(TREES)
def test_a_reader_of_others_reads_what_was_written(tree: dict) -> None:
    assert yaml.safe_load("\n".join(yaml_lines(tree))) == tree


def test_numbers_that_are_none_are_null() -> None:
    assert yaml.safe_load("\n".join(yaml_lines({"a": math.nan, "b": [1.5]}))) == {"a": None, "b": [1.5]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "ws"
    toy.make_workspace(folder)
    return folder


def call(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["discover", *arguments, "-w", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_nothing_named_writes_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="none; name a cluster with `oddloop discover name`"):
        call(folder, "export", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_named_scenarios_are_described(folder: Path, tmp_path: Path) -> None:
    cards = json.loads(call(folder, "--json"))["clusters"]
    one, two = cards[0]["cluster_id"], cards[1]["cluster_id"]
    call(folder, "name", one, 'tram "7": slow', "--risk", "S3E4C3", "--note", "label the rails")
    call(folder, "name", two, "glare", "--priority", "1")
    call(folder, "name", cards[2]["cluster_id"], "dirt", "--status", "noise")
    call(folder, "export", str(tmp_path))
    catalogue = yaml.safe_load((tmp_path / "scenarios.yaml").read_text())
    assert [s["name"] for s in catalogue["scenarios"]] == ["glare", 'tram "7": slow']  # by priority
    tram = catalogue["scenarios"][1]
    assert tram["risk"] == {"given": "S3E4C3", "level": "ASIL D", "priority": 0}
    inside = json.loads(call(folder, "show", one, "--json"))["scene_ids"]
    assert [s["scene_id"] for s in tram["source_scenes"]] == sorted(inside)
    speed = next(p for p in tram["parameters"] if p["name"] == "ego_speed_mean_mps")
    scenes = {s["scene_id"]: s for s in toy.scenes_table().to_pylist()}
    values = [scenes[name]["ego_speed_mean_mps"] for name in inside]
    assert speed["range_90"] == pytest.approx(np.quantile(values, [0.05, 0.95]).tolist())
    assert (speed["unit"], speed["n_scenes"]) == ("m/s", len(values))
    ranges = [t for t in tram["openlabel"]["tags"].values() if t["type"] == "ego_speed_mean_mps"]
    assert ranges[0]["tag_data"]["vec"][0] == {"type": "range", "val": speed["range_90"]}
    page = (tmp_path / "label-policy.md").read_text()
    assert "> label the rails (" in page
    assert "dirt" not in page
    counter = page.split("**Not these**")[1].splitlines()[0]
    assert not any(f"`{name}`" in counter for name in json.loads(call(folder, "show", two, "--json"))["scene_ids"])
    call(folder, "export", str(tmp_path / "one"), "--scenario", "glare")
    assert len(yaml.safe_load((tmp_path / "one/scenarios.yaml").read_text())["scenarios"]) == 1
    with pytest.raises(WorkspaceError, match="no scenario 'ufo' to describe; named: glare"):
        call(folder, "export", str(tmp_path), "--scenario", "ufo")


def test_parameters_leave_out_what_is_missing_and_order_by_shift() -> None:
    scenes = pa.table({
        "scene_id": list("abcdef"),
        "same_m": [1.0] * 6,
        "far_mps": [9.0, 9.5, 1.0, 2.0, 1.5, None],
        "none_s": pa.nulls(6, pa.float64()),
        "town": ["x"] * 6,
    })  # fmt: skip
    found = measure_parameters(scenes, np.array([0, 1]))
    assert [p.name for p in found] == ["far_mps", "same_m"]
    assert (found[0].n, found[0].least, found[0].most) == (2, 9.0, 9.5)
    assert math.isnan(found[1].shift)
    assert math.isnan(measure_parameters(scenes, np.arange(6))[0].elsewhere_median)
