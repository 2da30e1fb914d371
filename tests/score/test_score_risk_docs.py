"""The how-to page on risk runs as it is written."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/how-to/risk.md"


def test_the_page_runs():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    exec(compile("\n".join(blocks), PAGE.name, "exec"), {})
