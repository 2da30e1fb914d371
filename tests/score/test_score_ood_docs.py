"""The how-to runs as written."""

import re
from pathlib import Path

import pytest

from oddloop.errors import TableError

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ood.md"


def test_the_page_runs_as_written(capsys):
    first, second, third = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    scope: dict[str, object] = {}
    exec(compile(first, PAGE.name, "exec"), scope)
    assert all(scene >= "s090" for scene in re.findall(r"s\d{3}", capsys.readouterr().out))
    with pytest.raises(TableError, match=r"were fitted to model `m001`.* but the features are of model `m002`"):
        exec(compile(second, PAGE.name, "exec"), scope)
    exec(compile(third, PAGE.name, "exec"), scope)
    assert scope["scores"]["ood_ecod_valid"].to_pylist() == [True] * 3
