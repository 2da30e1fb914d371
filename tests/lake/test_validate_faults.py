"""`find_faults` says every fault with one exact line, and says nothing about a clean workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.cases import CASES
from lake.fault_case import Case
from lake.lake_samples import clean_files, write_workspace
from oddloop.lake.checks.cures import CURES, TOLERATED
from oddloop.lake.validate import find_faults


def test_a_clean_workspace_has_no_faults(tmp_path: Path) -> None:
    assert find_faults(write_workspace(tmp_path, clean_files())) == []


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{i}" for i, case in enumerate(CASES)])
def test_each_fault_gives_its_exact_line(case: Case, tmp_path: Path) -> None:
    files = clean_files()
    for edit in case.edits:
        edit(files)
    workspace = write_workspace(tmp_path, files, case.config)
    case.after(tmp_path)
    expected = case.line.replace("{folder}", str(tmp_path))
    assert [str(fault) for fault in find_faults(workspace)] == [expected]


def test_every_code_has_a_case() -> None:
    assert {case.code for case in CASES} == set(CURES)


def test_tolerated_faults_are_faults() -> None:
    assert set(CURES) >= TOLERATED
