"""Clusters over time: ids and names that last, whatever happens to derived folders, and what follows from a name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.errors import ConfigError, LedgerError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.storage import Storage
from oddloop.rounds.discovery import (
    Lasting,
    fold_names,
    measure_clusters,
    name_cluster,
    open_questions,
    read_discovery,
    read_scenarios,
    record_clusters,
    settle_question,
)
from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.run import run_stages
from oddloop.rounds.state import DISCOVERY
from toy import run_at, shell

ME = Author("me", 7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def workspace(folder: Path) -> Workspace:
    return Workspace.open(folder)


@pytest.fixture
def ledger(workspace: Workspace) -> Ledger:
    return open_ledger(workspace)


def discovered(workspace: Workspace, groups: dict[str, str], loose: str = "") -> Derived:
    """A discover folder whose clusters are texts; each letter is a scene."""
    pairs = [(scene, name) for name, scenes in groups.items() for scene in scenes] + [(s, None) for s in loose]
    table = pa.table({"scene_id": pa.array([p[0] for p in pairs], pa.string()),
                      "cluster_id": pa.array([p[1] for p in pairs], pa.string())})  # fmt: skip

    def write(out: Storage) -> dict[str, int]:
        out.write_table("cluster_members.parquet", table)
        return {"cluster_members": table.num_rows}

    return derive(workspace.storage, Recipe("discover", {"pairs": repr(pairs)}, {}), write)


def record(workspace: Workspace, ledger: Ledger, groups: dict[str, str], loose: str = "") -> Lasting:
    return record_clusters(workspace, ledger, discovered(workspace, groups, loose), ME)


def members(lasting: Lasting) -> dict[str, str]:
    rows = [row for row in lasting.members.to_pylist() if row["cluster_id"]]
    names = sorted({row["cluster_id"] for row in rows})
    return {name: "".join(sorted(r["scene_id"] for r in rows if r["cluster_id"] == name)) for name in names}


def test_ids_last_over_runs_and_recording_again_changes_nothing(workspace: Workspace, ledger: Ledger) -> None:
    first = record(workspace, ledger, {"a": "abcdef", "b": "ghij"}, "xyz")
    assert members(first) == {"c0001": "abcdef", "c0002": "ghij"}
    assert record(workspace, ledger, {"a": "abcdef", "b": "ghij"}, "xyz").digest == first.digest
    assert len(ledger.events(DISCOVERY)) == 1
    second = record(workspace, ledger, {"p": "ghijk", "q": "abcdefmn", "r": "xyz"})
    assert members(second) == {"c0001": "abcdefmn", "c0002": "ghijk", "c0003": "xyz"}
    assert len(ledger.events(DISCOVERY)) == 2
    back = record(workspace, ledger, {"a": "abcdef", "b": "ghij"}, "xyz")  # as it was at first: a third record
    assert members(back) == {"c0001": "abcdef", "c0002": "ghij"}
    assert record(workspace, ledger, {"s": "xyz"}, "abcdefghij").ids["cluster_id"].to_pylist() == ["c0004"]


def test_numbers_are_never_used_again_even_after_a_run_without_clusters(workspace: Workspace, ledger: Ledger) -> None:
    record(workspace, ledger, {"a": "abc"}, "xyz")
    assert members(record(workspace, ledger, {}, "abcxyz")) == {}
    assert members(record(workspace, ledger, {"n": "xyz"}, "abc")) == {"c0002": "xyz"}


def test_what_people_say_adds_up_and_names_no_unknown_thing(workspace: Workspace, ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no clusters yet; run `oddloop discover`"):
        name_cluster(workspace, ledger, "c0001", ME, name="x")
    record(workspace, ledger, {"a": "abc", "b": "defg"})
    name_cluster(workspace, ledger, "c0001", ME, name="cut-in ", note="seen in tunnels")
    said = name_cluster(workspace, ledger, "c0001", Author("you", 9), risk="S3E4C2", priority=2, note="agreed")
    assert (said.name, said.risk, said.priority, said.status) == ("cut-in", "S3E4C2", 2, "confirmed")
    assert [(n.text, n.author, n.at_ns) for n in said.notes] == [("seen in tunnels", "me", 7), ("agreed", "you", 9)]
    assert (said.author, said.at_ns) == ("you", 9)
    assert name_cluster(workspace, ledger, "c0001", ME, status="covered").status == "covered"
    before = ledger.events(DISCOVERY)
    for wrong, words in [({"risk": "huge"}, "risk 'huge' is not known"), ({"status": "done"}, "is not one of new"),
                         ({"priority": -1}, "below 0"), ({}, "nothing was said"),
                         ({"takes_from": "c0002"}, "has no name to take over; named: c0001")]:  # fmt: skip
        with pytest.raises((LedgerError, ConfigError), match=words):
            name_cluster(workspace, ledger, "c0002", ME, **wrong)
    with pytest.raises(LedgerError, match="'c9' does not exist"):
        name_cluster(workspace, ledger, "c9", ME, name="x")
    assert ledger.events(DISCOVERY) == before


def test_a_split_asks_and_the_answer_closes_the_question(workspace: Workspace, ledger: Ledger) -> None:
    record(workspace, ledger, {"a": "abcdefghi"}, "xyz")
    name_cluster(workspace, ledger, "c0001", ME, name="roundabout", risk="high", priority=1)
    record(workspace, ledger, {"p": "abc", "q": "def", "r": "ghi"}, "xyz")
    (question,) = open_questions(ledger.events(DISCOVERY))
    assert (question.cluster_id, question.event, len(question.into)) == ("c0001", "split", 3)
    assert "roundabout: c0001 split: 9 of its 9 scenes" in question.text
    said = name_cluster(workspace, ledger, question.into[0], ME, takes_from="c0001")
    assert (said.name, said.risk, said.priority, said.status) == ("roundabout", "high", 1, "confirmed")
    assert open_questions(ledger.events(DISCOVERY)) == []
    with pytest.raises(LedgerError, match="no open question"):
        settle_question(ledger, "c0001", ME)


def test_a_question_can_be_settled_and_an_unnamed_cluster_asks_nothing(workspace: Workspace, ledger: Ledger) -> None:
    record(workspace, ledger, {"a": "abcdefghi", "b": "jklmnopqr"})
    name_cluster(workspace, ledger, "c0001", ME, name="one")
    record(workspace, ledger, {"p": "abc", "q": "def", "r": "ghi", "s": "jkl", "t": "mno", "u": "pqr"})
    assert [q.cluster_id for q in open_questions(ledger.events(DISCOVERY))] == ["c0001"]
    settle_question(ledger, "c0001", ME, note="three kinds after all")
    assert open_questions(ledger.events(DISCOVERY)) == []


def test_a_named_cluster_that_died_comes_back_with_its_name(workspace: Workspace, ledger: Ledger) -> None:
    record(workspace, ledger, {"a": "abcdef", "b": "ghijkl"})
    name_cluster(workspace, ledger, "c0001", ME, name="tram")
    for _ in range(2):  # dead for two runs, the second of other scenes
        record(workspace, ledger, {"b": "ghijkl"}, "abcdef")
        record(workspace, ledger, {"b": "ghijklm"}, "abcdef")
    back = record(workspace, ledger, {"z": "abcdef", "b": "ghijkl"})
    assert members(back) == {"c0001": "abcdef", "c0002": "ghijkl"}
    assert "revived" in back.events["event"].to_pylist()
    assert fold_names(ledger.events(DISCOVERY))["c0001"].name == "tram"


def test_names_survive_the_loss_of_derived_and_the_loss_of_their_own_folder_is_told(
    folder: Path, workspace: Workspace, ledger: Ledger
) -> None:
    record(workspace, ledger, {"a": "abcdef"}, "xyz")
    name_cluster(workspace, ledger, "c0001", ME, name="tram")
    shutil.rmtree(folder / "derived")
    assert members(record(workspace, ledger, {"k": "abcdefg"}, "xyz")) == {"c0001": "abcdefg"}
    shutil.rmtree(folder / "discovery")
    with pytest.raises(WorkspaceError, match="bring the folder back"):
        record(workspace, ledger, {"k": "abcdefgh"}, "xyz")


def test_a_kill_between_folder_and_ledger_is_made_good(workspace: Workspace, ledger: Ledger, monkeypatch) -> None:
    def killed(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            record(workspace, ledger, {"a": "abc"})
    assert ledger.events(DISCOVERY) == []
    assert members(record(workspace, ledger, {"a": "abc"})) == {"c0001": "abc"}
    assert len(ledger.events(DISCOVERY)) == 1


def test_named_scenarios_are_values_of_an_attribute(workspace: Workspace, ledger: Ledger) -> None:
    record(workspace, ledger, {"a": "abcd", "inner": "ab", "b": "xyz"}, "q")
    assert read_scenarios(workspace, ledger.events(DISCOVERY)) is None
    name_cluster(workspace, ledger, "c0001", ME, name="tunnel")
    name_cluster(workspace, ledger, "c0003", ME, name="bus lane")
    name_cluster(workspace, ledger, "c0002", ME, name="glare", status="noise")
    found = read_scenarios(workspace, ledger.events(DISCOVERY))
    assert found is not None
    assert found.to_pylist()[:3] == [
        {"scene_id": "a", "scenario": ["bus lane", "tunnel"]},
        {"scene_id": "b", "scenario": ["bus lane", "tunnel"]},
        {"scene_id": "c", "scenario": ["tunnel"]},
    ]
    assert found.num_rows == 4


def blobs(folder: Path) -> None:
    """Two telemetry columns by which the toy's scenes fall into three clear groups of two logs or more."""
    scenes = toy.scenes_table()
    group = np.repeat(np.arange(toy.N_LOGS) % 3, toy.N_SCENES_PER_LOG)
    rng = np.random.default_rng(1)
    for i, name in enumerate(("lateral_mps2", "stops")):
        scenes = scenes.append_column(name, pa.array(40.0 * (group == i) + rng.normal(size=len(group))))
    drop = ["ego_speed_mean_mps", "distance_m", "rain_mm_h"]
    kept = scenes.drop_columns(drop).append_column("rain_mm_h", pa.array(np.zeros(len(group))))
    toy.write(folder / "lake/scenes", kept)


def test_from_vectors_to_names_to_segments(folder: Path, workspace: Workspace, ledger: Ledger) -> None:
    blobs(folder)
    done = run_stages(workspace, shell(), until="discover")
    found = read_discovery(workspace, ledger.events(DISCOVERY), done["discover"].digest, done["cards"].digest)
    assert found.cards.num_rows >= 3
    card = found.cards.to_pylist()[0]
    assert card["rank"] == 1
    name_cluster(workspace, ledger, card["cluster_id"], ME, name="odd one")
    summary = run_at(folder)
    covered = next(s for s in summary.steps if s.name == "coverage")
    segments = pq.read_table(folder / f"derived/coverage/{covered.digest}/segments.parquet")
    rows = [r for r in segments.to_pylist() if r["segment_id"] == "scenario=odd one"]
    assert sum(r["n_scenes"] for r in rows) == card["n_scenes"]
    assert run_at(folder).n_computed == 0
    # another cluster setting: ids and the name stay, and one run is enough to take it in
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace("neighbours = 5", "neighbours = 6"))
    run_at(folder)
    assert run_at(folder).n_computed == 0
    assert fold_names(ledger.events(DISCOVERY))[card["cluster_id"]].name == "odd one"


def test_what_an_attribute_is_read_from_is_not_what_scenes_are_compared_by(folder: Path, workspace: Workspace) -> None:
    done = run_stages(workspace, shell(), until="discover")["discover"]
    assert "rain_mm_h" in done.manifest["settings"]["vectors"]["left_out"]
    before = pq.read_table(folder / f"derived/discover/{done.digest}/scene_vectors.parquet")
    scenes = toy.scenes_table()
    at = scenes.schema.get_field_index("rain_mm_h")
    toy.write(folder / "lake/scenes", scenes.set_column(at, "rain_mm_h", pa.array([0.0, 9.0] * (scenes.num_rows // 2))))
    again = run_stages(workspace, shell(), until="discover")["discover"]
    assert again.digest != done.digest
    assert pq.read_table(folder / f"derived/discover/{again.digest}/scene_vectors.parquet").equals(before)


def test_scenes_are_grouped_by_what_is_known_of_them_before_there_is_a_model(
    folder: Path, workspace: Workspace, ledger: Ledger
) -> None:
    blobs(folder)
    for name in ("predictions", "metrics"):
        shutil.rmtree(folder / "lake" / name)
    done = run_stages(workspace, shell(), until="discover")
    assert done["score"].storage.read_table("scene_scores.parquet").num_rows == 0
    found = read_discovery(workspace, ledger.events(DISCOVERY), done["discover"].digest, done["cards"].digest)
    assert found.cards.num_rows >= 3
    assert {(c["metric"], c["score"]) for c in found.cards.to_pylist()} == {("", "")}
    with pytest.raises(WorkspaceError, match="no predictions to score"):
        run_stages(workspace, shell())


def test_what_scenes_of_a_cluster_measure_stands_beside_all_others(
    folder: Path, workspace: Workspace, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs(folder)
    done = run_stages(workspace, shell(), until="discover")
    found = read_discovery(workspace, ledger.events(DISCOVERY), done["discover"].digest, done["cards"].digest)
    scenes = pq.read_table(folder / "lake/scenes")
    values = dict(zip(scenes["scene_id"].to_pylist(), scenes["stops"].to_pylist(), strict=True))
    clusters = found.cards["cluster_id"].to_pylist()
    measured = measure_clusters(found, scenes, clusters)
    assert list(measured) == clusters
    for name, parameters in measured.items():
        inside = set(found.lasting.members.filter(pa.compute.field("cluster_id") == name)["scene_id"].to_pylist())
        stops = next(p for p in parameters if p.name == "stops")
        assert stops.n == len(inside)
        assert stops.median == pytest.approx(np.median([values[s] for s in inside]))
        assert stops.elsewhere_median == pytest.approx(np.median([v for s, v in values.items() if s not in inside]))
    monkeypatch.setattr("oddloop.rounds.discovery.measured.MOST_SCENES", 5)
    sampled = measure_clusters(found, scenes, clusters[:1])[clusters[0]]
    assert {p.n for p in sampled} == {5}
    assert measure_clusters(found, scenes, []) == {}
