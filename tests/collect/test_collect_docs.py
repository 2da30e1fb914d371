"""The how-to page on collecting runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'oddloop[torch]'")
pytestmark = pytest.mark.system
PAGE = Path(__file__).parents[2] / "docs/how-to/collect-torch.md"


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    exec(compile("\n".join(blocks), PAGE.name, "exec"), {})
    written = sorted(p.relative_to(tmp_path / "ws/lake/predictions").as_posix() for p in tmp_path.rglob("*.parquet"))
    assert [path.rpartition("/")[0] for path in written] == [
        *(f"classification/m{i}" for i in (1, 2, 3)),
        "detection/m1",
    ]
    members = [
        len(row) for path in written[:3] for row in pq.read_table(tmp_path / "ws/lake/predictions" / path)["logits"]
    ]
    assert members == [20] * 256 + [3] * 256 + [1] * 256
