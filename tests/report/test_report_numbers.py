"""`build_report` on tables small enough to reckon by hand."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from oddloop.derived_tables import CANDIDATES, EVIDENCE, LISTED_CLUSTERS, PICKS, SCENE_MAP, SEGMENT_METRICS, SEGMENTS
from oddloop.report import LeadMetric, ReportInputs, build_report
from oddloop.report.model import Exposure, Measured, Reference, Weak
from report.report_inputs import empty_inputs, metric_row, segment_row, table_of

FDE = LeadMetric("min_fde_m", "lower", 2.0)


def _pick(rank: int, scene_id: str, log_id: str, cost: float, total: float) -> dict[str, Any]:
    reasons = [{"code": "high-score", "value": 0.5, "text": "uncertain"}]
    names = {"rank": rank, "scene_id": scene_id, "log_id": log_id, "gain": float("nan")}
    return {**names, "cost": cost, "cumulative_cost": total, "reasons": reasons}


def _candidate(scene_id: str, log_id: str, cost: float, score: float | None) -> dict[str, Any]:
    counts = {"n_frames": 10, "n_objects": 3, "cost": cost}
    return {"scene_id": scene_id, "log_id": log_id, **counts, "score": score, "score_valid": score is not None}


@pytest.fixture
def small() -> ReportInputs:
    """Five scenes of three logs: `a` labelled, `b` and `c` picked, `d` left over, `e` held out."""
    scenes = {
        "scene_id": ["a", "b", "c", "d", "e"],
        "log_id": ["l1", "l1", "l2", "l2", "l3"],
        "start_ns": [0, 1, 2, 3, 4],
        "duration_s": [10.0, 12.0, 8.0, 9.0, 11.0],
        "split": ["pool", "pool", None, "pool", "eval"],
        "rain": ["none", "heavy", None, "none", "heavy"],
    }
    segments = [
        segment_row("all", n_scenes=1),
        segment_row("rain=none", n_scenes=1, duration_s=10.0),
        segment_row("rain=none", "unlabelled", n_scenes=1, duration_s=9.0),
        segment_row("rain=heavy", "unlabelled", n_scenes=1, duration_s=12.0),
        segment_row("rain=heavy", "eval", n_scenes=1, duration_s=11.0),
    ]
    metrics = [
        metric_row("all", 1.5, 1.2, 1.9),
        metric_row("rain=none", 2.9, 1.0, 4.8),  # looks bad, but its interval begins at 1.0
        metric_row("rain=heavy", 2.6, 2.1, 3.1),  # even the favourable end misses the target of 2.0
        metric_row("rain=heavy", 9.0, 8.0, 10.0, model_id="another"),
        metric_row("rain=heavy", 0.1, 0.0, 0.2, metric="another_metric"),
    ]
    places = [("a", 0.0, 0.0, "k0"), ("b", 1.0, 0.5, "k0"), ("c", 2.0, 1.0, "k1"), ("e", float("nan"), 1.0, None)]
    cluster = {"n_logs": 1, "duration_s": 22.0, "why": "rare", "medoids": ["a", "b"]}
    return empty_inputs(
        attributes={"rain": ("none", "heavy")},
        lead=FDE,
        picks=table_of(PICKS, [_pick(1, "c", "l2", 4.0, 4.0), _pick(2, "b", "l1", 5.6, 9.6)]),
        candidates=table_of(
            CANDIDATES,
            [_candidate("b", "l1", 5.6, 0.2), _candidate("c", "l2", 4.0, 0.9), _candidate("d", "l2", 7.0, None)],
        ),
        scenes=pa.table(scenes),
        labelled_ids=pa.array(["a"]),
        segments=table_of(SEGMENTS, segments),
        segment_metrics=table_of(SEGMENT_METRICS, metrics),
        scene_map=table_of(
            SCENE_MAP, [dict(zip(("scene_id", "x", "y", "cluster_id"), p, strict=True)) for p in places]
        ),
        clusters=table_of(
            LISTED_CLUSTERS,
            [
                {"cluster_id": "k1", "name": "", "rank": 2, "n_scenes": 1, "n_labelled": 0, **cluster},
                {"cluster_id": "k0", "name": "tram", "rank": 1, "n_scenes": 2, "n_labelled": 1, **cluster},
            ],
        ),
        budget=10.0,
    )


def test_spend_counts_picks_and_candidates(small: ReportInputs) -> None:
    spend = build_report(small).spend
    assert (spend.n_scenes, spend.n_logs, spend.n_candidates, spend.n_candidate_logs) == (2, 2, 3, 2)
    assert spend.cost == pytest.approx(9.6)  # 4.0 + 5.6
    assert spend.cheapest == 4.0


def test_picks_carry_score_attributes_and_reasons(small: ReportInputs) -> None:
    first, second = build_report(small).picks
    assert (first.rank, first.scene_id, first.score, first.n_objects) == (1, "c", 0.9, 3)
    assert first.attributes == {"rain": "unknown"}  # null is a value of its own
    assert second.attributes == {"rain": "heavy"}
    assert first.gain is None  # NaN is no number
    assert first.reasons[0].text == "uncertain"


def test_segments_join_exposure_by_status_with_the_lead_metric_of_the_model(small: ReportInputs) -> None:
    heavy = build_report(small).segment("rain=heavy")
    assert heavy is not None
    assert heavy.labelled == Exposure()
    assert (heavy.unlabelled.duration_s, heavy.eval.duration_s) == (12.0, 11.0)
    assert heavy.measured == Measured(2.6, 2.1, 3.1, n_scenes=4, n_logs=3, support=40, valid=True)


def test_weakest_goes_by_the_favourable_end_of_the_interval(small: ReportInputs) -> None:
    report = build_report(small)
    assert report.reference == Reference(2.0, "target")
    assert report.weakest == (Weak("rain=heavy", 2.1, misses=True), Weak("rain=none", 1.0, misses=False))
    assert report.n_judged == 2


def test_without_a_target_segments_are_held_against_all_scenes(small: ReportInputs) -> None:
    report = build_report(replace(small, lead=LeadMetric("min_fde_m", "lower")))
    assert report.reference == Reference(1.5, "overall")
    assert report.weakest[0].misses  # 2.1 > 1.5


def test_higher_is_better_turns_the_bound_around(small: ReportInputs) -> None:
    report = build_report(replace(small, lead=LeadMetric("min_fde_m", "higher", 4.0)))
    # upper ends: rain=heavy 3.1, rain=none 4.8
    assert report.weakest == (Weak("rain=heavy", 3.1, misses=True), Weak("rain=none", 4.8, misses=False))


def test_segments_with_too_little_support_are_never_the_weakest(small: ReportInputs) -> None:
    metrics = table_of(
        SEGMENT_METRICS, [metric_row("rain=heavy", 99.0, None, None), metric_row("rain=none", 1.0, 0.9, 1.1)]
    )
    report = build_report(replace(small, segment_metrics=metrics))
    assert [weak.segment_id for weak in report.weakest] == ["rain=none"]


def test_map_has_status_and_leaves_out_scenes_without_a_place(small: ReportInputs) -> None:
    shown = build_report(small).map
    assert shown.scene_id == ("a", "b", "c")
    assert shown.n_without_place == 1
    assert [shown.status.values[code] for code in shown.status.codes] == ["labelled", "unlabelled", "unlabelled"]
    assert [shown.cluster.values[code] for code in shown.cluster.codes] == ["k0", "k0", "k1"]
    assert [shown.attributes["rain"].values[code] for code in shown.attributes["rain"].codes] == [
        "none",
        "heavy",
        "unknown",
    ]


def test_clusters_are_in_the_order_of_their_cards_with_their_picks(small: ReportInputs) -> None:
    clusters = build_report(small).clusters
    assert [(c.cluster_id, c.n_scenes, c.n_labelled, c.n_picked) for c in clusters] == [
        ("k0", 2, 1, 1),
        ("k1", 1, 0, 1),
    ]


def test_attributes_list_declared_values_then_found_ones(small: ReportInputs) -> None:
    rows = [segment_row("rain=unknown"), segment_row("rain=zz"), segment_row("rain=aa")]
    report = build_report(replace(small, segments=table_of(SEGMENTS, rows)))
    assert report.attributes[0].values == ("none", "heavy", "aa", "zz", "unknown")


def test_evidence_leads_with_the_lead_metric_over_all_scenes_and_the_control_comes_last(small: ReportInputs) -> None:
    def row(arm: str, cost: float, metric: str = "min_fde_m", segment_id: str = "") -> dict[str, Any]:
        ends = {"value": 1.0, "ci_low": None, "ci_high": float("nan"), "n_logs": 3}
        return {"arm": arm, "round": 1, "cost": cost, "metric": metric, "segment_id": segment_id, **ends}

    rows = [row("random", 9.0), row("uncertainty", 8.0), row("uncertainty", 2.0), row("uncertainty", 1.0, "a_metric")]
    curves = build_report(
        replace(small, evidence=table_of(EVIDENCE, [row("x", 1.0, segment_id="rain=heavy"), *rows]))
    ).evidence
    assert [(c.metric, c.segment_id) for c in curves] == [
        ("min_fde_m", ""),
        ("min_fde_m", "rain=heavy"),
        ("a_metric", ""),
    ]
    assert [(p.arm, p.cost) for p in curves[0].points] == [("uncertainty", 2.0), ("uncertainty", 8.0), ("random", 9.0)]
    assert curves[0].points[0].ci_high is None


def test_report_does_not_depend_on_the_order_of_rows(small: ReportInputs) -> None:
    names = ("picks", "candidates", "scenes", "segments", "segment_metrics", "scene_map", "clusters")
    turned = {name: _reversed(getattr(small, name)) for name in names}
    assert build_report(replace(small, **turned)) == build_report(small)


def _reversed(table: pa.Table) -> pa.Table:
    return table.take(list(range(table.num_rows - 1, -1, -1)))


def test_report_is_a_plain_value(small: ReportInputs) -> None:
    report = build_report(small)
    assert pickle.loads(pickle.dumps(report)) == report


def test_multilabel_and_numeric_attributes_become_text(small: ReportInputs) -> None:
    columns = {
        "signs": pa.array([["stop", "yield"], [], None, ["stop"], None]),
        "speed": [1.23456, 2.0, None, 4.0, 5.0],
    }
    scenes = pa.table({**dict(zip(small.scenes.column_names, small.scenes.columns, strict=True)), **columns})
    picks = build_report(replace(small, scenes=scenes, attributes={"signs": (), "speed": ()})).picks
    assert [pick.attributes for pick in picks] == [
        {"signs": "unknown", "speed": "unknown"},
        {"signs": "", "speed": "2"},
    ]
