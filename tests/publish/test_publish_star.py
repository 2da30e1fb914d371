"""The star schema says what the rounds know: the same numbers, declared columns, keys that lead somewhere."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.cli.stages import run_until
from oddloop.derived_tables.star import STAR
from oddloop.lake import Workspace
from oddloop.rounds.evidence import evaluated_rounds
from oddloop.tables import TableSpec
from publishing import publish_at, with_settings


def read(folder: Path, name: str) -> pa.Table:
    return pq.read_table(folder / f"publish/parquet/{name}.parquet")


def ask(folder: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "publish/oddloop.duckdb"), read_only=True) as database:
        return database.execute(sql).fetchall()


@pytest.mark.parametrize("spec", STAR, ids=lambda spec: spec.name)
def test_columns_are_as_declared(published: Path, spec: TableSpec) -> None:
    table = read(published, spec.name)
    mine = table.select([c.name for c in spec.columns])
    assert {f.name: f.type for f in mine.schema} == {c.name: c.type for c in spec.columns}
    for column in spec.columns:
        assert column.nullable or mine[column.name].null_count == 0, column.name
    more = [name for name in table.column_names if spec.column(name) is None]
    assert more == (["odd_weather", "odd_rain", "odd_speed"] if spec.name == "dim_scene" else [])


@pytest.mark.parametrize("spec", STAR, ids=lambda spec: spec.name)
def test_keys_are_unique_and_lead_to_a_row(published: Path, spec: TableSpec) -> None:
    table = read(published, spec.name)
    assert table.num_rows > 0 or spec.name == "dim_cluster"
    assert table.group_by(list(spec.key)).aggregate([]).num_rows == table.num_rows
    for column, other in spec.references:
        there = read(published, other)[column].combine_chunks()
        known = pc.is_in(table[column].drop_null(), value_set=there)
        assert pc.all(known, min_count=0).as_py(), (column, other)


def test_segments_say_what_coverage_says(published: Path) -> None:
    """Each number of each evaluated round, against the stage's own tables."""
    facts = read(published, "fact_segment_gap").to_pylist()
    n_checked = 0
    for state in evaluated_rounds(Workspace.open(published)):
        folder = published / "derived/coverage" / state.evaluation["coverage_digest"]
        mine = {row["segment_id"]: row for row in facts if row["round_id"] == state.round_id}
        for row in pq.read_table(folder / "segments.parquet").to_pylist():
            name = {"eval": "held_out"}.get(row["status"], row["status"])
            fact = mine[row["segment_id"]]
            assert fact[f"n_scenes_{name}"] == row["n_scenes"]
            assert fact[f"n_logs_{name}"] == row["n_logs"]
            assert fact[f"hours_{name}"] == row["duration_s"] / 3600
        for row in pq.read_table(folder / "segment_metrics.parquet").to_pylist():
            fact = mine[row["segment_id"]]
            assert (fact["value"], fact["value_low"], fact["value_high"]) == (
                row["value"],
                row["ci_low"],
                row["ci_high"],
            )
            assert fact["gap"] == pytest.approx(0.8 - row["value"])  # accuracy: higher is better, target 0.8
            n_checked += 1
    assert n_checked > 20


def test_what_no_scene_has_is_a_gap_of_volume_too(tmp_path: Path) -> None:
    volume = '\n[attributes.sky]\ncolumn = "weather"\nvalues = ["clear", "hail"]\n[coverage.volume]\nleast = 5\n'
    toy.make_workspace(tmp_path / "ws", config=with_settings() + volume)
    covered = run_until("coverage", str(tmp_path / "ws"), quiet=True)
    publish_at(tmp_path / "ws")
    declared = covered.storage.read_table("volume_gaps.parquet").sort_by("segment_id").to_pylist()
    assert "sky=hail" in [gap["segment_id"] for gap in declared]
    found = ask(
        tmp_path / "ws",
        """SELECT segment_id, volume_to_label, volume_to_drive, n_scenes_labelled, segment_url IS NULL
           FROM fact_segment_gap JOIN dim_segment USING (segment_id) WHERE volume_target > 0 ORDER BY segment_id""",
    )
    seen = {row["segment_id"] for row in covered.storage.read_table("segments.parquet").to_pylist()}
    assert found == [
        (gap["segment_id"], gap["to_label"], gap["to_drive"], gap["labelled"], gap["segment_id"] not in seen)
        for gap in declared
    ]


def test_verdicts_stand_in_the_newest_rows_only(published: Path) -> None:
    said = {
        str(row[0]): row[1]
        for row in ask(published, "SELECT round_id, count(verdict) FROM fact_segment_gap GROUP BY 1")
    }
    (newest,) = (str(row[0]) for row in ask(published, "SELECT round_id FROM dim_round WHERE is_newest"))
    (folder,) = (published / "derived/diagnosis").glob("*/verdicts.parquet")
    assert said[newest] == pq.read_table(folder).num_rows > 0
    assert {name for name, n in said.items() if n} == {newest}


def test_scenes_add_up_to_their_segments(published: Path) -> None:
    """Scenes counted by an attribute are the segments of that attribute."""
    counted = ask(
        published,
        """SELECT odd_weather, count(*) FILTER (status = 'labelled'), count(*) FILTER (status = 'unlabelled'),
           sum(duration_s) FILTER (status = 'held_out') / 3600 FROM dim_scene GROUP BY ALL ORDER BY ALL""",
    )
    declared = ask(
        published,
        """SELECT value_1, n_scenes_labelled, n_scenes_unlabelled, hours_held_out FROM fact_segment_gap
           JOIN dim_segment USING (segment_id) JOIN dim_round USING (round_id)
           WHERE is_newest AND n_way = 1 AND attribute_1 = 'weather' ORDER BY ALL""",
    )
    assert counted == declared != []


def test_scores_are_those_of_the_policy(published: Path) -> None:
    folder = sorted((published / "derived/score").glob("*/scene_scores.parquet"), key=lambda path: path.stat().st_mtime)
    (name,) = {row["score"] for row in read(published, "fact_scene_score").to_pylist()}
    scored = pq.read_table(folder[-1]).sort_by("scene_id")
    fact = read(published, "fact_scene_score").sort_by("scene_id")
    assert fact["value"].to_pylist() == scored[name].to_pylist()
    order = fact.sort_by([("value", "ascending")])["share_below"].to_pylist()
    assert order[0] == 0.0
    assert order[-1] == 1.0
    assert order == sorted(order)


def test_lifts_are_those_of_the_ledger(published: Path) -> None:
    states = evaluated_rounds(Workspace.open(published))
    for state in states[1:]:
        change = state.evidence["change"]
        found = ask(
            published,
            f"""SELECT lift, lift_low, lift_high FROM fact_round_lift
                WHERE round_id = '{state.round_id}' AND comparison = 'previous' AND segment_id = 'all'""",
        )
        assert found == [(change["lift"], change["ci_low"], change["ci_high"])]


def test_links_lead_to_the_web_app(published: Path) -> None:
    ((segment_url, scenes_url),) = ask(
        published,
        "SELECT segment_url, scenes_url FROM dim_segment WHERE segment_id = 'weather=clear & rain=no_rain'",
    )
    assert segment_url == "https://odd.example/loop/coverage/segment?id=weather%3Dclear%20%26%20rain%3Dno_rain"
    assert scenes_url == "https://odd.example/loop/scenes?where=weather%3Dclear&where=rain%3Dno_rain"
    ((scene_url,),) = ask(published, "SELECT scene_url FROM dim_scene WHERE scene_id = 'log0/s0'")
    assert scene_url == "https://odd.example/loop/scenes/scene?id=log0%2Fs0"


def test_rounds_and_models_are_the_ledgers(published: Path) -> None:
    rounds = read(published, "dim_round").to_pylist()
    assert [(r["round_id"], r["status"], r["is_newest"]) for r in rounds] == [
        ("r000", "closed", False),
        ("r001", "closed", True),
        ("r002", "proposed", False),
    ]
    models = {m["model_id"]: m for m in read(published, "dim_model").to_pylist()}
    assert [m["model_id"] for m in models.values() if m["is_newest"]] == [rounds[1]["model_id"]]
    assert models[rounds[1]["model_id"]]["trained_in"] == "r001"
    picked = ask(
        published, "SELECT picked_in, count(*) FROM dim_scene WHERE picked_in IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    assert picked == [(r["round_id"], r["n_picks"]) for r in rounds if r["n_picks"]]
