"""All faults come out of one run, in a stable order and whatever the size of batches; and checking changes nothing."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lake.cases import OUTPUTS, SHARED
from lake.fault_case import Case
from lake.lake_samples import CONFIG, Files, change, clean_files, path_of, write_workspace
from oddloop.errors import Fault, WorkspaceError
from oddloop.lake.checks import relations, values
from oddloop.lake.scan import open_parquet
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace

TOGETHER = {
    "misplaced-file": 0, "unknown-folder": 0, "unreadable-file": 1, "unreadable-column": 0,
    "missing-column": 0, "wrong-type": 1, "null-value": 0, "empty-string": 0,
    "duplicate-key": 0, "orphan-scene": 0, "scene-differs": 0, "rows-apart": 0,
    "not-finite": 1, "negative-value": 0, "bad-duration": 0, "unknown-split": 0, "unknown-stack": 0,
    "undeclared-metric": 0, "attribute-type": 0, "attribute-value": 0,
    "time-order": 0, "time-outside-scene": 0, "split-leak": 0, "mixed-types": 0,
}  # fmt: skip
"""Faults of the shared tables that fit into one workspace: code, and which of its cases."""


def shared_cases() -> list[Case]:
    return [[case for case in SHARED if case.code == code][n] for code, n in TOGETHER.items()]


def spoiled_outputs() -> tuple[Files, list[str]]:
    """A file per case of `OUTPUTS`, each of a model or encoder of its own, and the lines expected of them."""
    files: Files = {}
    lines: list[str] = []
    for i, case in enumerate(OUTPUTS):
        spoiled = clean_files()
        for edit in case.edits:
            edit(spoiled)
        path = case.place.split(",")[0].removeprefix("lake/")
        own = path.replace("/m/", f"/x{i}/").replace("/e/", f"/x{i}/")
        files[own] = spoiled[path]
        lines.append(case.line.replace(path, own))
    return files, lines


def faulty_workspace(folder: Path) -> Workspace:
    files = clean_files()
    for case in shared_cases():
        for edit in case.edits:
            edit(files)
    workspace = write_workspace(folder, {**files, **spoiled_outputs()[0]})
    for case in shared_cases():
        case.after(folder)
    return workspace


def lines_of(faults: list[Fault]) -> list[str]:
    return [str(fault) for fault in faults]


def test_more_than_thirty_kinds_of_faults_are_reported_in_one_run(tmp_path: Path) -> None:
    found = find_faults(faulty_workspace(tmp_path))
    codes = {fault.code for fault in found}
    assert codes == {*TOGETHER, *(case.code for case in OUTPUTS)}
    assert len(codes) >= 30
    assert set(spoiled_outputs()[1]) <= set(lines_of(found))


def test_faults_come_sorted_and_the_same_each_time(tmp_path: Path) -> None:
    workspace = faulty_workspace(tmp_path)
    found = find_faults(workspace)
    assert found == sorted(found) == find_faults(workspace)


def test_checking_changes_no_file(tmp_path: Path) -> None:
    workspace = faulty_workspace(tmp_path)
    before = digests_below(tmp_path)
    find_faults(workspace)
    assert digests_below(tmp_path) == before


def digests_below(folder: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "" for p in folder.rglob("*")}


@pytest.mark.parametrize("batch_rows", [1, 3])
def test_faults_do_not_depend_on_batches_and_row_groups(
    batch_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = faulty_workspace(tmp_path)
    expected = lines_of(find_faults(workspace))
    monkeypatch.setattr(values, "MAX_BATCH_ROWS", batch_rows)
    assert lines_of(find_faults(workspace)) == expected
    for file in (tmp_path / "lake/predictions").rglob("m/a.parquet"):
        pq.write_table(pq.read_table(file), file, row_group_size=2)
    assert lines_of(find_faults(workspace)) == expected


def test_the_workspace_may_lie_anywhere(tmp_path: Path) -> None:
    """Messages name files from the workspace on, so its own path shows in none of them."""
    expected = find_faults(faulty_workspace(tmp_path / "one"))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert find_faults(Workspace.open(tmp_path / "two")) == expected


def test_tables_are_announced_in_the_order_in_which_they_are_read(tmp_path: Path) -> None:
    seen: list[str] = []
    find_faults(write_workspace(tmp_path, clean_files()), on_table=seen.append)
    tasks = ["classification", "detection", "segmentation", "trajectory", "risk", "planning"]
    outputs = [*(f"predictions/{t}/m" for t in tasks), "futures", "features/e", "heads/e"]
    names = ["scenes", "frames", "objects", "tracks", *outputs, "metrics", "labels"]
    assert seen == names


def test_a_table_outside_the_workspace_is_named_by_its_url(tmp_path: Path) -> None:
    files = clean_files()
    change("labels", 0, cost=-1.0)(files)
    write_workspace(tmp_path / "team", files)
    config = f'[lake]\nlabels = "{tmp_path}/team/lake/labels"\n{CONFIG}'
    rest = {path: table for path, table in files.items() if path != path_of(files, "labels")}
    (fault,) = find_faults(write_workspace(tmp_path / "ws", rest, config))
    assert fault.file == f"{tmp_path}/team/lake/labels/a.parquet"


def test_orphans_are_not_looked_for_where_scenes_could_not_be_read(tmp_path: Path) -> None:
    """One damaged file of scenes would make orphans of thousands of sound rows."""
    workspace = write_workspace(tmp_path, clean_files())
    (tmp_path / "lake/scenes/a.parquet").write_bytes(b"PAR1")
    assert [fault.code for fault in find_faults(workspace)] == ["unreadable-file"]


def test_a_workspace_without_a_lake_lacks_scenes(tmp_path: Path) -> None:
    assert [fault.code for fault in find_faults(write_workspace(tmp_path, {}))] == ["missing-table"]


def test_a_file_that_changes_under_the_check_is_an_error_and_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are read first and keys later; what lies between cannot be judged."""
    workspace = write_workspace(tmp_path, clean_files())
    monkeypatch.setattr(relations, "open_parquet", lambda storage, file: open_parquet(storage, f"{file}.gone"))
    with pytest.raises(WorkspaceError, match=r"^the tables could not be checked: .* files are being written at "):
        find_faults(workspace)
