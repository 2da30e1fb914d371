"""The engines that one contract holds for: threads always, clusters where their library is installed."""

from __future__ import annotations

import pytest

from oddloop.config import EngineConfig
from oddloop.engine import Engine, open_engine
from oracles.peers import load

LIBRARIES = {"ray": "ray", "dask": "distributed"}
ENGINES = ["local", *(pytest.param(name, marks=pytest.mark.system) for name in LIBRARIES)]


def start(name: str) -> Engine:
    """An engine of two workers; a cluster's stays as it is for all tests of the process."""
    if name in LIBRARIES:
        load(
            LIBRARIES[name],
            f"{LIBRARIES[name]} is not installed; `make test-all` installs it into .venv-ray ({{error}})",
        )
    return open_engine(EngineConfig(name=name, workers=2))  # type: ignore[arg-type]
