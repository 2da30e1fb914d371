"""The how-to runs as written, and prints what it says."""

import re
from pathlib import Path

import pytest

from oddloop.errors import TableError

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "compare-models.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_page_runs_as_written(capsys):
    code, printed = blocks("python"), blocks("text")
    scope: dict[str, object] = {}
    exec(compile(code[0], PAGE.name, "exec"), scope)
    assert capsys.readouterr().out == printed[0]
    with pytest.raises(TableError) as refused:
        exec(compile(code[1], PAGE.name, "exec"), scope)
    assert f"TableError: {refused.value}\n" == printed[1]
