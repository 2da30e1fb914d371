"""One fleet of the verdict benchmark, really trained; and the how-to runs as written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from oddloop.config import DiagnosisConfig

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_planted_causes_are_told_apart(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import planted_gaps
    from planted_tables import diagnose_fleet

    monkeypatch.setitem(planted_gaps.N_SETS, "neighbours", 1)
    fleet = planted_gaps.plant_fleet(1203, "neighbours")
    verdicts = diagnose_fleet(fleet, DiagnosisConfig(), np.random.default_rng(0)).verdicts["verdict"].to_pylist()
    pairs = list(zip(fleet.verdicts, verdicts, strict=True))
    assert {"data_limited", "model_limited"} <= set(fleet.verdicts)
    assert ("data_limited", "model_limited") not in pairs
    # One hidden cause of this fleet falls so slowly that it passes for a lack of data; `bench_verdicts` has the rates.
    assert pairs.count(("model_limited", "data_limited")) <= 1
    assert sum(truth == found for truth, found in pairs) >= 8


def test_the_how_to_runs_as_written(capsys):
    page = ROOT / "docs" / "how-to" / "verdicts.md"
    first, second = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    scope: dict[str, object] = {}
    exec(compile(first, page.name, "exec"), scope)
    rain, tunnel = capsys.readouterr().out.splitlines()
    assert rain.startswith("rain data_limited strong 150 ")
    assert 75 <= int(rain.split()[-1]) <= 300
    assert tunnel == "tunnel model_limited strong None None"
    exec(compile(second, page.name, "exec"), scope)
    assert sum(int(n) for n in re.findall(r"\d+", capsys.readouterr().out)) <= 200
