"""`ingest tables` with made columns and rows that are judged one by one: what is written, what is left out, and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.cli import ingest
from oddloop.errors import ConfigError, TableError
from oddloop.exchange import ingest_tables
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.tables import SCENES

ROWS = '[rows.scenes]\nrefuse = "row"\n'
MADE = """
[columns.scenes]
scene_id = { columns = ["report", "version"] }
log_id = { columns = ["incident"], or_else = "report" }
start_ns = { columns = ["month"], time = "%b-%Y" }
duration_s = { value = 1.5 }
speed_kph = { columns = ["mph"], factor = 1.609344 }
source = { value = "sgo" }
"""
REPORTS = """report,version,incident,month,mph,State
7-1,1,i1,JUN-2026,10,CA\x20
7-1,2,i1,JUN-2026,20,CA
7-2,1, ,JAN-1970,,
7-3,1,i3,,30,TX
7-3,1,i4,not a month,30,TX
"""
JUNE_NS = 1_780_272_000_000_000_000  # 2026-06-01 00:00 UTC


def make(tmp_path: Path, settings_text: str, **files: str) -> tuple[Path, Workspace]:
    folder = tmp_path / "in" / "scenes"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder.parent, Workspace.create(tmp_path / "ws", settings_text)


def scenes(workspace: Workspace) -> list[dict[str, object]]:
    return read_table(workspace.table("scenes"), SCENES).to_pylist()


def test_columns_are_made_and_the_users_own_are_kept(tmp_path: Path) -> None:
    folder, workspace = make(tmp_path, MADE + ROWS, reports=REPORTS)
    summary = ingest_tables(folder, workspace)
    first, second, third = scenes(workspace)
    assert first == {
        "report": "7-1",
        "version": "1",
        "incident": "i1",
        "month": "JUN-2026",
        "mph": 10.0,
        "State": "CA ",
        "scene_id": "7-1-1",
        "log_id": "i1",
        "start_ns": JUNE_NS,
        "duration_s": 1.5,
        "source": "sgo",
        "speed_kph": pytest.approx(16.09344),
    }
    assert (second["scene_id"], third["log_id"], third["start_ns"], third["speed_kph"]) == ("7-1-2", "7-2", 0, None)
    assert [(r["row"], r["reason"]) for r in summary.refused.to_pylist()] == [
        (4, "`start_ns` is blank"),
        (5, "`start_ns` is blank"),
    ]


def test_only_the_newest_of_rows_alike_is_kept(tmp_path: Path) -> None:
    rules = ROWS + 'newest_of = "incident"\nversion = "version"\n'
    a = "report,version,incident,month,mph,State\nr,2,i,JUN-2026,1,a\nr,10,i,JUN-2026,2,b\n"
    b = "report,version,incident,month,mph,State\nq,10,i,JUN-2026,3,c\ns,1, ,JUN-2026,4,d\nt,1, ,JUN-2026,5,e\n"
    folder, workspace = make(tmp_path, MADE + rules, a=a, b=b)
    summary = ingest_tables(folder, workspace)
    # 10 is newer than 2, the last row wins the tie, and blank incidents are no versions of one another
    assert [row["State"] for row in scenes(workspace)] == ["c", "d", "e"]
    reason = "another row of the same `incident` is newer, `version` '10'"
    assert [(r["file"], r["row"], r["reason"]) for r in summary.refused.to_pylist()] == [
        ("scenes/a.csv", 1, reason),
        ("scenes/a.csv", 2, reason),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",l,5,1", "`scene_id` is blank"),
        ("  ,l,5,1", "`scene_id` is blank"),
        ("x,,5,1", "`log_id` is blank"),
        ("x,l,soon,1", "`start_ns` is 'soon', which cannot be read"),
        ("x,l,9.5,1", "`start_ns` is '9.5', which cannot be read"),
        ("x,l,99999999999999999999,1", "`start_ns` is '99999999999999999999', which cannot be read"),
        ("x,l,5,1e", "`duration_s` is '1e', which cannot be read"),
        ("first,l,5,1", "scene_id 'first' is there already, in an earlier row"),
        ("twice,l,5,1", "scene_id 'twice' is there already, in an earlier row"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(line: str, reason: str, tmp_path: Path) -> None:
    heading = "scene_id,log_id,start_ns,duration_s\n"
    folder, workspace = make(
        tmp_path, ROWS, a=f"{heading}first,l,1,1\n", b=f"{heading}twice, l ,1780272000000000000,.5e1\n{line}\n"
    )
    summary = ingest_tables(folder, workspace)
    assert [(row["scene_id"], row["log_id"]) for row in scenes(workspace)] == [("first", "l"), ("twice", "l")]
    assert scenes(workspace)[1]["start_ns"] == JUNE_NS
    assert [(r["table"], r["file"], r["row"], r["reason"]) for r in summary.refused.to_pylist()] == [
        ("scenes", "scenes/b.csv", 2, reason)
    ]


def test_without_the_rule_a_bad_value_refuses_everything(tmp_path: Path) -> None:
    folder, workspace = make(tmp_path, "", a="scene_id,log_id,start_ns,duration_s\nx,l,soon,1\n")
    with pytest.raises(TableError, match="nothing was written"):
        ingest_tables(folder, workspace)


def test_parquet_goes_the_same_way(tmp_path: Path) -> None:
    folder, workspace = make(tmp_path, ROWS)
    table = pa.table(
        {"scene_id": ["a", None, "a"], "log_id": ["l"] * 3, "start_ns": [1, 2, 3], "duration_s": [1.0, 1.0, 1.0]}
    )
    pq.write_table(table, folder / "scenes" / "a.parquet")
    assert ingest_tables(folder, workspace).rows == {"scenes": 1}


def test_a_version_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    rules = ROWS + 'newest_of = "incident"\nversion = "nr"\n'
    folder, workspace = make(tmp_path, MADE + rules, reports=REPORTS)
    with pytest.raises(TableError, match=r"column `nr`, which \[rows.scenes\] names, is missing"):
        ingest_tables(folder, workspace)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[columns.scenes]\nx = { }\n", "give either `columns` of your own or one `value`"),
        ('[columns.scenes]\nx = { columns = ["a"], value = 1.0 }\n', "give either `columns`"),
        ('[columns.scenes]\nx = { columns = ["a"], time = "%Y", factor = 2.0 }\n', "give one of them"),
        ('[rows.scenes]\nnewest_of = "a"\n', "belong together"),
        ('[rows.scenes]\nnewest_of = "a"\nversion = "b"\n', 'needs refuse = "row"'),
        ('[rows.scenes]\nrefuse = "some"\n', "rows.scenes.refuse"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        Workspace.create(tmp_path / "ws", text)


def test_a_line_of_too_many_cells_is_left_out_and_rows_behind_it_keep_their_numbers(tmp_path: Path) -> None:
    heading = "scene_id,log_id,start_ns,duration_s,version\n"
    lines = ["a,l,0,1,1", "b,l,0,1,1,9,9", "", "c,l,soon,1,1", "d,l,1", "e,l,5,1,2", "e,l,5,1,1", "f,l,9,1,1,"]
    rules = ROWS + 'newest_of = "scene_id"\nversion = "version"\n'
    folder, workspace = make(tmp_path, rules, a=heading + "\n".join(lines) + "\n")
    summary = ingest_tables(folder, workspace)
    assert [row["scene_id"] for row in scenes(workspace)] == ["a", "e"]
    assert summary.refused is not None
    refused = {row["row"]: row["reason"] for row in summary.refused.sort_by("row").to_pylist()}
    assert refused == {
        2: "its line has 7 cells instead of 5",
        3: "`start_ns` is 'soon', which cannot be read",
        4: "its line has 3 cells instead of 5",
        6: "another row of the same `scene_id` is newer, `version` '2'",
        7: "its line has 6 cells instead of 5",
    }


CELL = st.sampled_from(["", " ", "a", "b", "1", "2.5", "-3", "nan", "1e400", "é"])


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(st.lists(CELL, min_size=2, max_size=5), max_size=12))
def test_rows_in_are_rows_written_and_rows_refused(lines, tmp_path_factory) -> None:
    text = "scene_id,log_id,start_ns,duration_s\n" + "".join(f"{','.join(line)}\n" for line in lines)
    folder, workspace = make(tmp_path_factory.mktemp("case"), ROWS, a=text)
    summary = ingest_tables(folder, workspace)
    assert summary.rows["scenes"] + summary.n_refused == len(lines)
    rows = scenes(workspace)
    assert max(Counter(row["scene_id"] for row in rows).values(), default=1) == 1
    assert all(row[name] is not None for row in rows for name in ("scene_id", "log_id", "start_ns", "duration_s"))


def test_the_command_lists_what_was_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = make(tmp_path, MADE + ROWS, reports=REPORTS)
    ingest.tables(folder, str(tmp_path / "ws"))
    shown = capsys.readouterr().out
    assert "2 rows were left out:\n    2 scenes: `start_ns` is blank\n" in shown
    assert pc_csv.read_csv(tmp_path / "ws" / "refused.csv").num_rows == 2
