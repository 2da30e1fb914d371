"""`[engine]` names an engine; what does not go together is refused, and what is not installed is named."""

from __future__ import annotations

import sys

import pytest

from oddloop.config import EngineConfig, load_config
from oddloop.engine import LocalEngine, open_engine
from oddloop.errors import ConfigError, MissingExtraError

FAULTS = {
    'address = "auto"': "are of a cluster",
    "memory_mb = 500": "are of a cluster",
    'name = "ray"\naddress = "auto"\nspill = "/tmp"': "leave it out where `address` names one",
    'name = "spark"': "local",
    "retries = -1": "retries",
}


@pytest.mark.parametrize("text", FAULTS)
def test_what_does_not_go_together_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=FAULTS[text]):
        load_config(f"[engine]\n{text}\n")


def test_without_a_name_it_is_the_threads_of_this_process() -> None:
    assert open_engine(load_config("[engine]\nworkers = 3\nretries = 1\n").engine) == LocalEngine(3, 1)


@pytest.mark.parametrize(("name", "library"), [("ray", "ray"), ("dask", "distributed")])
def test_a_cluster_whose_library_is_not_installed_is_named(
    name: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"oddloop.engine.on_{name}", raising=False)
    with pytest.raises(MissingExtraError, match=rf"pip install 'oddloop\[{name}\]'$"):
        open_engine(EngineConfig(name=name))  # type: ignore[arg-type]
