"""Databases that a ledger can be kept in: the tests that take `ledger_url` run on each."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres_server import PostgresServer, find_programs, running_server

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.system))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if find_programs() is None:
        pytest.skip("no PostgreSQL server here; scripts/install-system-packages brings one")
    if importlib.util.find_spec("pg8000") is None:
        pytest.skip("pg8000 is not installed; it comes with oddloop[postgres]")
    with running_server() as server:
        yield server


@pytest.fixture(params=DATABASES)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_ledger()
