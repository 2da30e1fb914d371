"""Databases that a ledger can be kept in: the tests that take `ledger_url` run on each."""

from __future__ import annotations

from pathlib import Path

import pytest

from postgres_server import PostgresServer

DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.system))


@pytest.fixture(params=DATABASES)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_ledger()
