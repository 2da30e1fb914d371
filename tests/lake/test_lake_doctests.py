"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import oddloop.engine
import oddloop.lake

PACKAGES = (oddloop.engine, oddloop.lake)
EXTRAS = ("ray", "dask", "distributed")
MODULES = [
    *("oddloop.tables", "oddloop.config", "oddloop.errors", "oddloop.ids"),
    *(
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        pytest.skip(f"{error.name} is not installed; its engine is tested where it is")
    assert doctest.testmod(module).failed == 0
