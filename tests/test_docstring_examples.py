"""The examples in all docstrings run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import oddloop

ROOT = Path(oddloop.__file__).parent


def with_examples() -> list[str]:
    """Modules whose text has an example; loops that are compiled have none, and are not to be imported from here."""
    files = [file for file in sorted(ROOT.rglob("*.py")) if ">>> " in file.read_text()]
    parts = [file.relative_to(ROOT.parent).with_suffix("").parts for file in files]
    return [".".join(p[:-1] if p[-1] == "__init__" else p) for p in parts]


@pytest.mark.parametrize("name", with_examples())
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS).failed == 0
