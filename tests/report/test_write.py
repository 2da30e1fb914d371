"""Writing a report: whole, once, and again when anything that it shows has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

import toy
from oddloop.cli.stages import run_until
from oddloop.errors import LedgerError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.report import say_where_to_look, write_report
from report.page_parser import parse
from toy import label_all_picks, run_at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace whose first round was trained on and measured, beside a control of the same scenes."""
    for name in ("ws", "ws/control"):
        toy.make_workspace(tmp_path / name, train="")
        run_at(tmp_path / name)
    config = tmp_path / "ws/oddloop.toml"
    config.write_text(config.read_text() + '\n[evidence]\ncontrol = "control"\n')
    return tmp_path / "ws"


def page_of(folder: Path, round_id: str = "r001") -> str:
    return (folder / f"rounds/{round_id}/report.html").read_text()


def test_a_report_is_written_once(folder: Path) -> None:
    assert write_report(Workspace.open(folder)).written is True
    assert write_report(Workspace.open(folder)).written is False
    assert "random (control)" in page_of(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [('name = "toy"', 'name = "renamed"'), ('better = "higher"', 'better = "higher"\ntarget = 0.7')],
)
def test_a_setting_that_only_the_page_shows_makes_it_anew(folder: Path, old: str, new: str) -> None:
    write_report(Workspace.open(folder))
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace(old, new))
    assert write_report(Workspace.open(folder)).written is True
    assert write_report(Workspace.open(folder)).written is False


def test_a_later_evaluation_makes_an_older_page_anew(folder: Path) -> None:
    write_report(Workspace.open(folder), "r001")
    label_all_picks(folder, "r001")
    run_at(folder)
    assert write_report(Workspace.open(folder), "r001").written is True
    assert write_report(Workspace.open(folder), "r002").written is True


def test_the_first_advice_names_the_weakest_segment_with_its_support(folder: Path) -> None:
    # Two held-out logs are too few for an interval, so nothing can be judged, and the sentence says nothing.
    assert say_where_to_look(Workspace.open(folder)) == ""


def test_a_control_that_is_not_there_is_named(folder: Path) -> None:
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace('control = "control"', 'control = "elsewhere"'))
    with pytest.raises(WorkspaceError, match=r"elsewhere: no oddloop\.toml here"):
        write_report(Workspace.open(folder))


def test_a_round_without_picks_has_no_report(folder: Path) -> None:
    with pytest.raises(LedgerError, match="round r000 has no picks to report"):
        write_report(Workspace.open(folder), "r000")


def test_before_the_first_round_the_report_is_of_what_was_counted(tmp_path: Path) -> None:
    sky = '\n[attributes.sky]\ncolumn = "weather"\nvalues = ["clear", "<hail>"]\n[coverage.volume]\nleast = 30\n'
    toy.make_workspace(tmp_path / "ws", config=toy.CONFIG + sky)
    workspace = Workspace.open(tmp_path / "ws")
    with pytest.raises(LedgerError, match="there is no round to report: `oddloop run` proposes one; without one"):
        write_report(workspace)
    covered = run_until("coverage", str(tmp_path / "ws"), quiet=True).storage
    assert write_report(workspace).written is True
    assert write_report(workspace).written is False
    assert say_where_to_look(workspace) == ""
    page = parse((tmp_path / "ws/coverage.html").read_text())
    lacking = [gap for gap in covered.read_table("volume_gaps.parquet").to_pylist() if gap["shortfall"] > 0]
    single = {row["segment_id"] for row in covered.read_table("segments.parquet").to_pylist() if row["n_way"] <= 1}
    assert page.headings[0] == ("h1", f"{len(lacking)} gaps of volume in {len(lacking)} segments")
    assert page.table_rows("gaps-table") == len(lacking)
    assert page.table_rows("scenes-table") == len(single)
    assert "sky=<hail>" in page.text
    assert (page.fetched, page.scripts, page.unclosed) == (["data:,"], [], [])
