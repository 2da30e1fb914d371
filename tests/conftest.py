"""What all tests share: property tests give the same examples everywhere, and a slow machine fails none of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from hypothesis import settings

from postgres_server import PostgresServer, find_programs, running_server

settings.register_profile("oddloop", deadline=None, derandomize=True)
settings.load_profile("oddloop")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of a run; each takes a user with a schema of its own."""
    if find_programs() is None:
        pytest.skip("no PostgreSQL server here; scripts/install-system-packages brings one")
    if importlib.util.find_spec("pg8000") is None:
        pytest.skip("pg8000 is not installed; it comes with oddloop[postgres]")
    with running_server() as server:
        yield server
