"""What goes out comes back: the same boxes, classes, scenes, frames and rounds, for every tool, without the tools."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from labelling_batches import SIZE, all_boxes, make_batch
from oddloop.demo.annotator import annotate
from oddloop.errors import LabellingError
from oddloop.exchange.labelling import Batch, Delivery, Sent, coco, cvat, label_studio, sheets
from oddloop.exchange.labelling.cvat_xml import read_annotations
from oddloop.exchange.labelling.delivery import number_of
from oddloop.exchange.labelling.label_studio_export import read_export


def through_label_studio(batch: Batch) -> Delivery:
    tasks = json.loads(json.dumps(label_studio.make_tasks(batch)))
    return read_export(json.dumps(annotate(tasks)).encode(), Sent(batch.units()))


def through_cvat(batch: Batch) -> Delivery:
    xml = "".join(cvat.annotations_xml(batch, "d" * 32)).encode()
    return read_annotations([xml[:777], xml[777:]], Sent(batch.units()), ["all"])


def through_coco(batch: Batch) -> Delivery:
    return coco.read_dataset(json.dumps(coco.make_dataset(batch)).encode(), Sent(batch.units()), ["all"])


def through_csv(batch: Batch) -> Delivery:
    return sheets.read_boxes(sheets.make_boxes(batch), Sent(batch.units()), ["all"])


TRIPS = [through_label_studio, through_cvat, through_coco, through_csv]


@pytest.mark.parametrize("trip", TRIPS)
def test_boxes_classes_and_ids_survive(trip: Callable[[Batch], Delivery]) -> None:
    batch = make_batch()
    delivery = trip(batch)
    assert [a.unit for a in delivery.answers] == batch.units()
    assert {a.state for a in delivery.answers} == {"done"}
    for answer, (_, frame) in zip(delivery.answers, batch.frames(), strict=True):
        assert [b.category for b in answer.boxes] == [b.category for b in frame.boxes]
        for mine, theirs in zip(frame.boxes, answer.boxes, strict=True):
            assert theirs.corners == pytest.approx(mine.corners, abs=1e-3)


@pytest.mark.parametrize("trip", TRIPS)
def test_ids_may_hold_what_formats_use_themselves(trip: Callable[[Batch], Delivery]) -> None:
    strange = make_batch(round_id="r001", scene_ids=['a/b <&">', "ä,\u2028;", "  c\t"])
    assert [a.unit for a in trip(strange).answers] == strange.units()


def test_label_studio_orders_the_first_pick_first() -> None:
    tasks = label_studio.make_tasks(make_batch())
    scores = [task["predictions"][0]["score"] for task in tasks]
    assert scores == sorted(scores)  # uncertainty sampling takes the lowest first
    assert scores[0] == 0.0
    assert max(scores) < 1.0


def test_boxes_over_the_edge_are_clipped_where_a_tool_refuses_them() -> None:
    batch = make_batch(corners=[(-4.0, 10.0, 700.0, 20.0), (641.0, 1.0, 650.0, 2.0)])
    regions = label_studio.make_tasks(batch)[0]["predictions"][0]["result"]
    assert [(r["value"]["x"], r["value"]["width"]) for r in regions] == [(0.0, 100.0)]  # the other lies outside


def test_a_scene_without_images_is_one_task_with_a_choice() -> None:
    batch = make_batch(images=False)
    tasks = label_studio.make_tasks(batch)
    assert [task["data"]["scene_id"] for task in tasks] == [s.scene_id for s in batch.scenes]
    assert "Choices" in label_studio.label_config(batch)
    delivery = through_label_studio(batch)
    assert [(a.state, a.boxes) for a in delivery.answers] == [("done", ())] * len(tasks)
    with pytest.raises(LabellingError, match="cvat: 3 scenes have no images"):
        cvat.task_request(batch, "d")


def test_percents_need_image_sizes_and_pixels_do_not() -> None:
    batch = make_batch(size=(0, 0))
    with pytest.raises(LabellingError, match=r"the image size of 3 frames is not known .* set image_size"):
        label_studio.make_tasks(batch)
    assert all_boxes(through_csv(batch))[:3] == all_boxes(through_csv(make_batch(size=SIZE)))[:3]


def test_one_scene_is_one_job_in_the_order_of_the_manifest() -> None:
    batch = make_batch()
    request = cvat.data_request(batch)
    names = [line["name"] + line["extension"] for line in map(json.loads, cvat.manifest(batch).splitlines()[2:])]
    assert [len(job) for job in request["job_file_mapping"]] == [2, 2, 2]
    assert [name for job in request["job_file_mapping"] for name in job] == names
    assert request["server_files"] == ["manifest.jsonl", *names]


def test_a_project_that_lacks_classes_is_told_of() -> None:
    batch = make_batch()
    config = label_studio.label_config(batch)
    assert label_studio.missing_classes(config, batch) == []
    assert label_studio.missing_classes(config.replace('"van"', '"truck"'), batch) == ["van"]
    assert cvat.missing_labels(cvat.labels_of(batch), batch) == []
    assert cvat.missing_labels(cvat.labels_of(batch)[:1], batch) == ["oddloop", "van"]


def test_numbers_are_read_from_texts_but_nothing_else() -> None:
    assert [number_of(v) for v in ("1e3", "inf", "", None, "0x10", True, 10**400)] == [1000.0, *[None] * 6]
