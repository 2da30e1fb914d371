"""Where something is missing, the page says what, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pytest

from oddloop.derived_tables import CANDIDATES, EVIDENCE, LISTED_CLUSTERS, PICKS, SCENE_MAP, SEGMENT_METRICS, SEGMENTS
from oddloop.report import LeadMetric, ReportInputs, build_report, render_html
from report.page_parser import Page, parse
from report.report_inputs import (
    empty_inputs,
    fleet_inputs,
    gap_rows,
    gaps_table,
    metric_row,
    segment_row,
    table_of,
)

FDE = LeadMetric("min_fde_m", "lower", 2.0)
CHEAPEST_IS_12 = {
    "scene_id": "a",
    "log_id": "l",
    "n_frames": 1,
    "n_objects": 1,
    "cost": 12.0,
    "score": 1.0,
    "score_valid": True,
}


def page_of(inputs: ReportInputs) -> Page:
    """The parsed page; its data must be JSON without NaN."""
    page = parse(render_html(build_report(inputs)))
    for island in page.islands.values():
        json.loads(island, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))
    assert page.unclosed == []
    return page


def test_a_page_of_nothing_says_what_is_missing_everywhere() -> None:
    page = page_of(empty_inputs())
    assert page.headings[0] == ("h1", "Round r001 proposes no scene for its budget of 100 EUR")
    assert page.absent == [
        "No metric is known, so nothing says where the model is weak. "
        "Fill the metrics table and declare [metrics.NAME] better in oddloop.toml.",
        "No metric is known, so nothing says where the model is weak. "
        "Fill the metrics table and declare [metrics.NAME] better in oddloop.toml.",
        "No evidence yet whether the picks help. It comes with the labels: train on them and on a random control of "
        "equal cost, then evaluate both on the held-out scenes.",
        "No scene was picked: there is no candidate, that is, no unlabelled scene in the pool. Ingest new logs, or see "
        "with oddloop select --json what was left out.",
        "No attribute is declared, so there are no segments. Declare [attributes.NAME] in oddloop.toml.",
        "No metric is known, so nothing says where the model is weak. "
        "Fill the metrics table and declare [metrics.NAME] better in oddloop.toml.",
        "No scene has a place on the map. Bring features of the scenes (features), then run oddloop discover.",
        "No cluster was found. More scenes, or a smaller discover.clusters.min_scenes or min_logs, may let "
        "oddloop discover find one.",
    ]


MISSING: list[tuple[str, Callable[[ReportInputs], ReportInputs], str]] = [
    (
        "picks",
        lambda i: replace(i, picks=PICKS.empty(), candidates=table_of(CANDIDATES, [CHEAPEST_IS_12]), budget=10.0),
        "No scene was picked: the cheapest candidate costs 12 EUR and the budget is 10 EUR.",
    ),
    (
        "picks",
        lambda i: replace(i, picks=PICKS.empty()),
        "No scene was picked, though there are candidates within the budget.",
    ),
    ("weakest", lambda i: replace(i, lead=None), "No metric is known"),
    (
        "performance",
        lambda i: replace(i, model_id="m9"),
        "Model m9 has no value of min_fde_m. It has none: add some to `metrics`",
    ),
    (
        "weakest",
        lambda i: replace(i, lead=LeadMetric("recall", "higher")),
        "Model forecaster-r002 has no value of recall. It has min_fde_m: lead with one of them (coverage.metric",
    ),
    (
        "weakest",
        lambda i: replace(
            i,
            segment_metrics=table_of(
                SEGMENT_METRICS, [metric_row("weather=fog", 1.0, None, None, model_id=i.model_id)]
            ),
        ),
        "No segment has enough support to be judged.",
    ),
    (
        "performance",
        lambda i: replace(
            i, segment_metrics=table_of(SEGMENT_METRICS, [metric_row("all", 1.0, 0.9, 1.1, model_id=i.model_id)])
        ),
        "No segment has a value of the metric yet.",
    ),
    (
        "heatmap",
        lambda i: replace(i, segments=table_of(SEGMENTS, [segment_row("")])),
        "The attributes have no segments yet.",
    ),
    (
        "gaps",
        lambda i: replace(i, lead=LeadMetric("min_fde_m", "lower")),
        "min_fde_m has no target, so nothing is a gap. Set `target` in [metrics.min_fde_m] of oddloop.toml.",
    ),
    ("gaps", lambda i: replace(i, gaps=gaps_table([])), "Every segment with a value meets its target"),
    (
        "gaps",
        lambda i: replace(i, gaps=gaps_table([gap_rows("weather=fog", "eval_limited", 2.4, 0.9)])),
        "1 segment may miss the target: 1 measured on too few held-out logs. No cause is known: train learning curves",
    ),
    ("map", lambda i: replace(i, scene_map=SCENE_MAP.empty()), "No scene has a place on the map."),
    ("clusters", lambda i: replace(i, clusters=LISTED_CLUSTERS.empty()), "No cluster was found."),
    ("evidence", lambda i: replace(i, evidence=EVIDENCE.empty()), "No evidence yet"),
]


@pytest.mark.parametrize(("part", "change", "sentence"), MISSING)
def test_a_missing_part_is_named_with_its_cure(
    inputs: ReportInputs, part: str, change: Callable[[ReportInputs], ReportInputs], sentence: str
) -> None:
    changed = change(inputs)
    assert build_report(changed).missing[part].startswith(sentence)
    assert any(text.startswith(sentence.replace("`", "")) for text in page_of(changed).absent)


def test_nothing_is_missing_from_a_full_page(page: Page) -> None:
    assert page.absent == []


def test_segments_of_one_attribute_alone_make_a_heatmap_with_a_note(inputs: ReportInputs) -> None:
    singles = inputs.segments.filter(pa.compute.less_equal(inputs.segments["n_way"], 1))
    changed = replace(inputs, segments=singles)
    assert "coverage.max_way = 2" in page_of(changed).text
    assert "heatmap" not in build_report(changed).missing


def test_one_scene_makes_a_page() -> None:
    page = page_of(fleet_inputs(1, n_picks=0, n_clusters=0))
    assert [name for name, _ in page.headings] == ["h1", *["h2"] * 8]


def test_evidence_of_one_arm_claims_nothing(inputs: ReportInputs) -> None:
    assert inputs.evidence is not None
    alone = inputs.evidence.filter(pa.compute.equal(inputs.evidence["arm"], "uncertainty"))
    assert "One arm only: without a control" in page_of(replace(inputs, evidence=alone)).text


@pytest.mark.parametrize(
    ("ours", "better", "verdict"),
    [
        ((1.0, 0.9, 1.1), "lower", "the policy is better than random at this cost"),
        ((1.0, 0.9, 1.1), "higher", "the policy is worse than random at this cost"),
        ((1.0, 0.9, 1.6), "lower", "The intervals overlap"),
        ((1.0, None, None), "lower", "Without intervals on both sides"),
    ],
)
def test_evidence_is_judged_by_its_intervals(ours: tuple[float, ...], better: str, verdict: str) -> None:
    def row(arm: str, value: float, low: float | None, high: float | None) -> dict[str, object]:
        names = {"arm": arm, "round": 1, "cost": 10.0, "metric": "min_fde_m", "segment_id": "all", "n_logs": 9}
        return {**names, "value": value, "ci_low": low, "ci_high": high}

    evidence = table_of(EVIDENCE, [row("uncertainty", *ours), row("random", 1.7, 1.5, 1.9)])
    lead = LeadMetric("min_fde_m", better)  # type: ignore[arg-type]
    assert verdict in page_of(empty_inputs(evidence=evidence, lead=lead)).text


def test_missing_numbers_are_dashes(inputs: ReportInputs) -> None:
    nothing = pa.nulls(inputs.picks.num_rows, pa.float64())
    picks = inputs.picks.set_column(4, "cost", nothing).set_column(5, "cumulative_cost", nothing)
    report = build_report(replace(inputs, picks=picks, scenes=inputs.scenes.slice(0, 3)))
    assert report.spend.cost == 0.0
    assert report.picks[0].cost is None
    assert page_of(replace(inputs, picks=picks, scenes=inputs.scenes.slice(0, 3))).table_rows("picks-table") == 40


def test_long_and_unicode_names_survive() -> None:
    name = "ログ/" + "x" * 300
    places = [{"scene_id": name, "x": 0.0, "y": 0.0, "cluster_id": name}]
    medoids = {"medoids": [name]}
    sizes = {"n_scenes": 1, "n_logs": 1, "duration_s": 1.0, "n_labelled": 0}
    cluster = {"cluster_id": name, "name": name, "rank": 1, "why": name, **sizes, **medoids}
    page = page_of(empty_inputs(scene_map=table_of(SCENE_MAP, places), clusters=table_of(LISTED_CLUSTERS, [cluster])))
    assert name in page.text
