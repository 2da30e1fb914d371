"""Spoilt data sets: a clear error, or a lake without faults; never a half-ingested one."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.sources.cases import CASES, Case
from exchange.sources.corruption import try_variants
from oracles.peers import load

IDS = [case.source for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_some_spoilt_copies(case: Case, tmp_path: Path) -> None:
    if case.package:
        pytest.importorskip(case.package)
    case.make(tmp_path / "clean")
    verdict = try_variants(case.source, tmp_path / "clean", case.needs, tmp_path, n=6, seed=11)
    assert verdict.wrong == []
    assert verdict.refused.total() >= 1


@pytest.mark.system
@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.filterwarnings("ignore")
def test_a_hundred_spoilt_copies(case: Case, tmp_path: Path) -> None:
    if case.package:
        load(
            case.package, f"{case.package} is not installed; `make test-all` installs it into .venv-sources ({{error}})"
        )
    (case.lay_out_real or case.make)(tmp_path / "clean")
    verdict = try_variants(case.source, tmp_path / "clean", case.needs, tmp_path, n=100, seed=1)
    print(f"\n{case.source}: refused {dict(verdict.refused)}, accepted {dict(verdict.accepted)}")
    assert verdict.wrong == []
    assert verdict.refused.total() >= 30
