"""The audit's page: what its charts are made of, and that nothing from outside can break it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from oddloop.derived_tables import AUDIT, AUDIT_CURVES
from oddloop.report import AuditPage, render_audit
from oddloop.report.audit_page import found_figure, gain_figure
from oddloop.score import AuditConfig, AuditRows, audit_curves, audit_scores

NASTY = "detection_</script><b>_sum"


@pytest.fixture(scope="module")
def page() -> AuditPage:
    rng = np.random.default_rng(0)
    counts = rng.poisson(8, 120)
    errors, lengths = rng.poisson(0.4 * counts), rng.uniform(5, 9, 120)
    rows = AuditRows(errors, np.arange(120) // 10, 1.0 + counts, counts, lengths=lengths)
    scores = {NASTY: counts * rng.random(120), "detection_margin_mean": rng.random(120)}
    config = AuditConfig(n_bootstrap=30)
    audit, curves = audit_scores(scores, rows, rng, config), audit_curves(scores, rows, rng, config)
    return AuditPage(audit, curves, ["Rank by <i>it</i>."], "misses (lower is better) of m<1>", 120, "d1")


def named(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in figure["data"] if "name" in trace}


def test_a_line_per_score_and_baseline_through_its_points(page: AuditPage) -> None:
    figure = found_figure(page.curves)
    traces = named(figure)
    assert set(traces) >= {"object count", "scene length", "random", "detection_margin_mean"}
    points = [row for row in page.curves.to_pylist() if row["score"] == "detection_margin_mean"]
    assert traces["detection_margin_mean"]["x"] == [0.0, *(100 * p["cost_share"] for p in points)]
    assert traces["detection_margin_mean"]["y"] == [0.0, *(100 * p["found"] for p in points)]
    assert [len(t["marker"]["size"]) for t in traces.values()] == [len(t["x"]) for t in traces.values()]


def test_axes_say_what_and_in_what_unit(page: AuditPage) -> None:
    for figure, title in ((found_figure(page.curves), "found, %"), (gain_figure(page.curves), "points")):
        assert figure["layout"]["xaxis"]["title"]["text"].endswith("cost spent, by falling score, %")
        assert figure["layout"]["yaxis"]["title"]["text"].endswith(title)


def test_lines_are_told_apart_by_more_than_colour(page: AuditPage) -> None:
    traces = named(found_figure(page.curves))
    scores = [t for name, t in traces.items() if name.startswith("detection")]
    assert len({t["marker"]["symbol"] for t in scores}) == len(scores)
    assert {traces[name]["line"]["dash"] for name in ("object count", "scene length")} == {"dash", "dot"}
    assert {t["line"]["dash"] for t in scores} == {"solid"}


def test_the_object_count_is_the_zero_of_the_gains(page: AuditPage) -> None:
    figure = gain_figure(page.curves)
    assert "object count" not in named(figure)
    assert figure["layout"]["annotations"][0]["text"] == "object count"


def test_nothing_in_a_name_can_break_the_page(page: AuditPage) -> None:
    text = render_audit(page)
    assert "</script><b>" not in text
    assert "m&lt;1&gt;" in text
    assert "Rank by &lt;i&gt;it&lt;/i&gt;." in text
    (view,) = re.findall(r'<script type="application/json" id="report-view">(.*?)</script>', text)
    assert set(json.loads(view)["figures"]) == {"found", "gain"}


def test_it_asks_nobody_for_anything_and_is_the_same_each_time(page: AuditPage) -> None:
    text = render_audit(page)
    own = text[: text.index("<script>")]
    assert "default-src 'none'" in own
    assert not re.search(r"(src|href)=.https?:", own)
    assert render_audit(page) == text


def test_an_audit_of_nothing_is_a_page_too() -> None:
    text = render_audit(AuditPage(AUDIT.empty(), AUDIT_CURVES.empty(), [], "misses of m1", 0, "d1"))
    assert "All scores, best first" in text
