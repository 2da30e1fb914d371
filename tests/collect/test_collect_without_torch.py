"""What can be had without PyTorch: the names, and a plain message; the core never imports it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from oddloop import collect
from oddloop.errors import MissingExtraError

SOURCE = Path(collect.__file__).parents[1]


@pytest.mark.parametrize("make", [lambda: collect.one_pass(None), lambda: collect.checkpoints(None, ["a.pt"])])
def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, make) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # which is how Python is told that there is none
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'oddloop[torch]'")):
        make()


def test_nothing_else_imports_torch_or_the_collectors() -> None:
    road = re.compile(
        r"^\s*(import torch|from torch|import oddloop\.collect|from oddloop(\.collect| import collect))", re.M
    )
    others = [path for path in SOURCE.rglob("*.py") if "collect" not in path.relative_to(SOURCE).parts]
    assert [path.name for path in others if road.search(path.read_text())] == []
