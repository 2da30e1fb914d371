"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import oddloop.discover

# Compiled loops have none, and are imported by `import_loops` only.
MODULES = [
    module.name
    for module in pkgutil.iter_modules(oddloop.discover.__path__, "oddloop.discover.")
    if not module.name.endswith(".loops")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
