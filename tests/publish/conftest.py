"""A toy workspace with two evaluated rounds, published once for all tests that only look."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import toy
from oddloop.lake import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run
from publishing import publish_at, with_settings
from superset_server import PROGRAM, Superset, superset


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two evaluated rounds: never written to."""
    folder = tmp_path_factory.mktemp("published") / "ws"
    toy.make_workspace(folder, config=with_settings(), train="")
    toy.run_at(folder)
    toy.label_all_picks(folder, "r001")
    run(Workspace.open(folder), toy.shell())
    with contextlib.closing(open_ledger(Workspace.open(folder))) as ledger:
        assert [state.status for state in ledger.rounds()] == ["closed", "closed", "proposed"]
    return folder


@pytest.fixture(scope="session")
def published(ready: Path) -> Path:
    """The same, published: look, do not write."""
    folder = ready.parent / "published"
    shutil.copytree(ready, folder)
    assert publish_at(folder).written
    return folder


@pytest.fixture
def workspace(published: Path, tmp_path: Path) -> Path:
    """A published workspace of one's own."""
    folder = tmp_path / "ws"
    shutil.copytree(published, folder)
    return folder


@pytest.fixture(scope="session")
def superset_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Superset]:
    if not PROGRAM.exists():
        pytest.skip("no Superset here; `make test-all` installs it in .venv-superset")
    with superset(tmp_path_factory.mktemp("superset")) as server:
        yield server
