"""Errors per frame and the metrics of scenes made from them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from oddloop.errors import TableError
from oddloop.exchange import MatchingRule, frame_errors, scene_metrics
from oddloop.exchange.ignored import CORNERS, IGNORE_REGIONS
from oddloop.tables import DETECTION, METRICS

RIGHT, FAR = (0, 0, 10, 10), (100, 100, 110, 110)


def objects(*rows) -> pa.Table:
    names = ["frame_id", "category", *CORNERS]
    return (
        pa.table({n: pa.array([(f, c, *box)[i] for f, c, box in rows]) for i, n in enumerate(names)})
        if rows
        else (pa.table({n: pa.array([], pa.string() if i < 2 else pa.float32()) for i, n in enumerate(names)}))
    )


def predictions(**frames) -> pa.Table:
    boxes = [None if found is None else [_box(*b) for b in found] for found in frames.values()]
    columns = [list(frames), ["s"] * len(frames), [None] * len(frames), boxes]
    return pa.table(columns, schema=DETECTION.schema())


def _box(label, score, corners) -> dict:
    return {"label": label, "score": score, **dict(zip(CORNERS, corners, strict=True))}


def counts(table: pa.Table) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(r["frame_id"], r["class"]): (r["n_tp"], r["n_fp"], r["n_fn"]) for r in table.to_pylist()}


def test_every_frame_has_a_row_for_every_class() -> None:
    found = frame_errors(objects(), predictions(a=[], b=[]))
    assert found.column_names == ["frame_id", "scene_id", "class", "n_tp", "n_fp", "n_fn"]
    assert counts(found) == dict.fromkeys(((f, c) for f in "ab" for c in ("Car", "Pedestrian", "Cyclist")), (0, 0, 0))


def test_no_frames_no_rows() -> None:
    assert frame_errors(objects(("a", "Car", RIGHT)), predictions()).num_rows == 0


def test_a_frame_in_which_the_model_did_not_run_is_left_out() -> None:
    found = counts(frame_errors(objects(("a", "Car", RIGHT), ("b", "Car", RIGHT)), predictions(a=None, b=[])))
    assert {frame for frame, _ in found} == {"b"}
    assert found["b", "Car"] == (0, 0, 1)


@pytest.mark.parametrize(
    ("category", "label", "expected"),
    [
        # label in the place of the detection; (TP, FP, FN) of the detection's class
        ("Car", "Car", (1, 0, 0)),
        ("Truck", "Car", (0, 1, 0)),
        ("Pedestrian", "Car", (0, 1, 0)),
        # alike: neither right nor wrong, and never a miss
        ("Van", "Car", (0, 0, 0)),
        ("Person", "Pedestrian", (0, 0, 0)),
        ("Person_sitting", "Pedestrian", (0, 0, 0)),
        # alike for one class only
        ("Van", "Cyclist", (0, 1, 0)),
        ("Person", "Car", (0, 1, 0)),
    ],
)
def test_categories(category: str, label: str, expected: tuple[int, int, int]) -> None:
    found = frame_errors(objects(("a", category, RIGHT)), predictions(a=[(label, 0.9, RIGHT)]))
    assert counts(found)["a", label] == expected


def test_ignored_regions_concern_all_classes() -> None:
    regions = pa.table([["a"], ["s"], *([c] for c in map(float, FAR))], schema=IGNORE_REGIONS.schema())
    seen = [(c, 0.9, FAR) for c in ("Car", "Pedestrian", "Cyclist")]
    assert set(counts(frame_errors(objects(), predictions(a=seen), regions)).values()) == {(0, 0, 0)}
    assert set(counts(frame_errors(objects(), predictions(a=seen))).values()) == {(0, 1, 0)}


def test_the_rule_names_classes_and_floors() -> None:
    rule = MatchingRule(classes={"Tram": ()}, score_floor=0.1)
    found = frame_errors(objects(("a", "Tram", RIGHT)), predictions(a=[("Tram", 0.2, RIGHT)]), rule=rule)
    assert counts(found) == {("a", "Tram"): (1, 0, 0)}


def test_a_box_without_corners_is_refused() -> None:
    with pytest.raises(TableError, match="1 of 1 boxes have a corner that is null"):
        frame_errors(objects(), predictions(a=[("Car", 0.9, (0, 0, None, 10))]))


def test_metrics_of_scenes() -> None:
    rows = [
        # scene, frame, class, TP, FP, FN
        ("s", "a", "Car", 3, 1, 0),
        ("s", "b", "Car", 1, 0, 2),
        ("s", "a", "Tram", 0, 0, 0),
        ("s", "b", "Tram", 0, 0, 1),
        ("t", "c", "Car", 0, 0, 0),
        ("t", "c", "Tram", 0, 2, 0),
    ]
    names = ["scene_id", "frame_id", "class", "n_tp", "n_fp", "n_fn"]
    metrics = scene_metrics(pa.Table.from_pylist([dict(zip(names, r, strict=True)) for r in rows]), model_id="m")
    assert metrics.schema.equals(METRICS.schema())
    assert {(r["model_id"], r["stack"]) for r in metrics.to_pylist()} == {("m", "perception")}
    assert {(r["scene_id"], r["metric"]): (r["value"], r["support"]) for r in metrics.to_pylist()} == {
        ("s", "precision_car"): (4 / 5, 5),  # TP 3 + 1; FP 1 + 0
        ("s", "recall_car"): (4 / 6, 6),  # TP 4; FN 0 + 2
        ("s", "fp_fn_per_frame_car"): (3 / 2, 2),  # FP 1 + FN 2, in frames a and b
        # no Tram was detected in s: no precision_tram, which would have no support
        ("s", "recall_tram"): (0.0, 1),
        ("s", "fp_fn_per_frame_tram"): (1 / 2, 2),
        ("s", "fp_fn_per_frame"): (4 / 2, 2),
        # t has neither labelled nor detected cars: no precision, no recall
        ("t", "fp_fn_per_frame_car"): (0.0, 1),
        ("t", "precision_tram"): (0.0, 2),
        ("t", "fp_fn_per_frame_tram"): (2.0, 1),
        ("t", "fp_fn_per_frame"): (2.0, 1),
    }


def test_no_frames_no_metrics() -> None:
    assert scene_metrics(frame_errors(objects(), predictions()), model_id="m").num_rows == 0
