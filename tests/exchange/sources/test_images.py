"""BDD100K and COCO: what becomes of what, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from exchange.sources import image_folders as made
from exchange.sources.corruption import some_fast
from exchange.sources.lakes import ingest, read
from oddloop.errors import SourceError
from oddloop.exchange.boxes import Boxes
from oddloop.exchange.matching import match_boxes
from oddloop.exchange.sources import make_source
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace


def metrics(workspace: Workspace) -> dict[tuple[str, str, str], tuple[float, int]]:
    rows = read(workspace, "metrics").to_pylist()
    return {(r["model_id"], r["scene_id"], r["metric"]): (r["value"], r["support"]) for r in rows}


@pytest.fixture
def bdd(tmp_path: Path) -> Path:
    return made.write_bdd(tmp_path / "bdd")


def test_images_and_videos_become_scenes(bdd: Path) -> None:
    workspace = ingest("bdd100k", bdd)
    assert find_faults(workspace) == []
    scenes = {row["scene_id"]: row for row in read(workspace, "scenes").to_pylist()}
    assert list(scenes) == ["aaaa-1111/00", "bbbb-2222/00", "cccc-3333/00", "dddd-4444/00"]
    assert scenes["aaaa-1111/00"] | {"start_ns": 0} == {
        "scene_id": "aaaa-1111/00",
        "log_id": "aaaa-1111",
        "start_ns": 0,
        "duration_s": 0.2,
        "n_frames": 1,
        "dataset_split": "train",
        "split": "pool",
        "n_labelled_frames": 1,
        "weather": "rainy",
        "scene": "highway",
        "timeofday": "night",
        "n_agents_per_frame": 2.0,
        "traffic_density": "low",
        "categories": ["car", "pedestrian"],
    }
    assert scenes["bbbb-2222/00"]["categories"] == []
    assert (scenes["cccc-3333/00"]["n_frames"], scenes["cccc-3333/00"]["split"]) == (30, "eval")
    # Nobody has labelled it: what is around is not known.
    assert [scenes["dddd-4444/00"][k] for k in ("categories", "traffic_density", "split")] == [None, None, None]


def test_only_boxes_are_objects(bdd: Path) -> None:
    objects = read(ingest("bdd100k", bdd), "objects")
    assert objects.num_rows == 2 + 2 * 30
    assert objects.slice(1, 1).to_pylist()[0] == {
        "frame_id": "aaaa-1111.jpg",
        "scene_id": "aaaa-1111/00",
        "object_id": "1",
        "category": "pedestrian",
        "x_min_px": 20.0,
        "y_min_px": 0.0,
        "x_max_px": 30.0,
        "y_max_px": 10.0,
        "is_occluded": False,
        "is_truncated": True,
        "is_crowd": False,
    }


def test_both_forms_of_results_are_read_and_measured(bdd: Path) -> None:
    workspace = ingest("bdd100k", bdd)
    # m1 was run on the validation split; m2 on the training split, and on an image that nobody has labelled.
    for model, n_images, n_boxes in (("m1", 30, 30), ("m2", 3, 2)):
        boxes = read(workspace, f"predictions/detection/{model}")["boxes"].to_pylist()
        assert (len(boxes), sum(map(len, boxes))) == (n_images, n_boxes)
    found = metrics(workspace)
    assert found["m1", "cccc-3333/00", "recall_car"] == (1.0, 30)
    assert found["m1", "cccc-3333/00", "fp_fn_per_frame"] == (1.0, 30)  # the bus is missed in every frame
    assert found["m2", "aaaa-1111/00", "precision_car"] == (1.0, 1)
    assert not [key for key in found if key[1] == "dddd-4444/00"]


def test_videos_are_cut_evenly(bdd: Path) -> None:
    scenes = read(ingest("bdd100k", bdd, scene_s=2.0), "scenes")
    video = scenes.filter(pa.compute.equal(scenes["log_id"], "cccc-3333"))
    assert video["n_frames"].to_pylist() == [10, 10, 10]


def edit(file: Path, change: Callable[[list | dict], object]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


TRAIN, VIDEO = "labels/det_20/det_train.json", "labels/box_track_20/val/cccc-3333.json"
FLAT, SCORED = "results/m2/flat.json", "results/m1/det.json"
BDD_FAULTS = [
    (
        TRAIN,
        lambda d: d.append(d[0]),
        r"det_train.json: image aaaa-1111.jpg is there twice; keep one .*duplicate-image",
    ),
    (
        TRAIN,
        lambda d: d[0]["labels"][0]["box2d"].pop("x1"),
        r"a box of image aaaa-1111.jpg has a corner that is missing",
    ),
    (TRAIN, lambda d: d[0]["labels"][0]["box2d"].update(x1=99), r"has its right side left of its left one"),
    (TRAIN, lambda d: d[0].pop("name"), r"an image has no name"),
    (TRAIN, lambda d: d[0]["labels"][0].pop("category"), r"a box of image aaaa-1111.jpg has no category"),
    (TRAIN, lambda d: d[0].update(labels="none"), r"det_train.json: JSON transform error, in record/value 1"),
    (
        TRAIN,
        lambda d: d[0]["labels"].append(d[0]["labels"][0]),
        r"object 0 of image aaaa-1111.jpg is there twice",
    ),
    (TRAIN, lambda d: d[0]["labels"][0].pop("box2d"), r"a box of image aaaa-1111.jpg has a corner that is missing"),
    (
        TRAIN,
        lambda d: d[0]["labels"][2].update(poly2d=None, box2d=None),
        r"a box of image aaaa-1111.jpg has a corner that is missing",
    ),
    (FLAT, lambda d: d.clear(), r"results/m2: no result is in its files; copy them again, or remove the folder"),
    (SCORED, lambda d: [frame["labels"].clear() for frame in d], r"results/m1: no result is in its files"),
    (VIDEO, lambda d: d["frames"][3].update(frameIndex=2), r"video cccc-3333 has two images at place 2"),
    (VIDEO, lambda d: d.pop("frames"), r"cccc-3333.json: it has no `frames`"),
    (
        FLAT,
        lambda d: d[0].update(score=float("nan")),
        r"flat.json: a detection of image aaaa-1111.jpg has a corner or score",
    ),
    (FLAT, lambda d: d[0].update(score=7.0), r"has a score outside \[0, 1\]; give probabilities"),
    (FLAT, lambda d: d[0]["bbox"].pop(), r"a `bbox` of image aaaa-1111.jpg is not four numbers"),
    (FLAT, lambda d: d[0].pop("category"), r"a detection of image aaaa-1111.jpg has no category"),
    (SCORED, lambda d: d[0]["labels"][0].pop("score"), r"det.json: a detection of image cccc-3333-0000001.jpg has a"),
]


@pytest.mark.parametrize(("file", "change", "message"), some_fast(BDD_FAULTS))
def test_what_is_wrong_is_named(file: str, change: Callable[[list | dict], object], message: str, bdd: Path) -> None:
    edit(bdd / file, change)
    with pytest.raises(SourceError, match=message):
        ingest("bdd100k", bdd)
    assert not (bdd.parent / "ws/lake").exists()


def test_a_file_cut_between_two_images_is_refused(bdd: Path) -> None:
    text = (bdd / TRAIN).read_text()
    (bdd / TRAIN).write_text(text[: text.index(', {"name": "bbbb') + 1])
    with pytest.raises(SourceError, match="it is empty, cut short, or no JSON array or object"):
        ingest("bdd100k", bdd)


@pytest.mark.skipif(not made.REAL.exists(), reason=made.WHY_SKIPPED)
def test_the_real_sample(tmp_path: Path) -> None:
    """Its notes: 202 frames, 3,241 labels, 5,372 detections; at score and IoU .5, whatever the class: P .90, R .74."""
    workspace = ingest("bdd100k", made.lay_out_real_bdd(tmp_path / "bdd"))
    assert find_faults(workspace) == []
    frames, objects = read(workspace, "frames"), read(workspace, "objects")
    assert (frames.num_rows, objects.num_rows) == (202, 3241)
    boxes = read(workspace, "predictions/detection/detector")["boxes"].combine_chunks()
    assert len(boxes.flatten()) == 5372
    corners = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
    flat = boxes.flatten()
    detections = Boxes(
        pa.compute.list_parent_indices(boxes).to_numpy(),
        np.stack([flat.field(c).to_numpy() for c in corners], 1).astype(float),
    )
    group = pa.compute.index_in(objects["frame_id"], value_set=frames["frame_id"].combine_chunks()).to_numpy()
    labels = Boxes(group.astype(np.int64), np.stack([objects[c].to_numpy() for c in corners], 1).astype(float))
    matching = match_boxes(detections, flat.field("score").to_numpy().astype(float), labels)
    n_tp, n_fp, n_fn = len(matching.detection), matching.is_false_positive.sum(), matching.is_miss.sum()
    assert n_tp / (n_tp + n_fp) == pytest.approx(0.90, abs=0.005)
    assert n_tp / (n_tp + n_fn) == pytest.approx(0.74, abs=0.005)


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    return made.write_coco(tmp_path / "coco")


def test_coco_images_of_a_folder_are_a_log(coco: Path) -> None:
    workspace = ingest("coco", coco)
    assert [f.code for f in find_faults(workspace)] == ["undeclared-metric"]
    scenes = read(workspace, "scenes").to_pylist()
    assert [(s["log_id"], s["n_frames"], s["split"]) for s in scenes] == [("drive_1", 3, "eval"), ("lone", 1, "eval")]
    assert scenes[0]["categories"] == ["car", "person"]
    assert scenes[0]["duration_s"] == pytest.approx(0.3)
    frames = read(workspace, "frames").to_pylist()
    assert [f["frame_id"] for f in frames] == ["10", "11", "12", "13"]
    assert (frames[0]["width_px"], frames[0]["height_px"]) == (640, 480)
    assert read(workspace, "objects").slice(0, 1).to_pylist()[0]["x_max_px"] == 20.0


def test_a_detection_in_a_crowd_is_neither_right_nor_wrong(coco: Path) -> None:
    found = metrics(ingest("coco", coco))
    assert found["m1", "drive_1/00", "precision_car"] == (1.0, 1)
    assert found["m1", "drive_1/00", "precision_person"] == (0.0, 1)
    assert ("m1", "lone/00", "precision_person") not in found
    assert found["m1", "lone/00", "recall_person"] == (0.0, 1)


INSTANCES, RESULTS = "annotations/instances_val2017.json", "results/m1/bbox.json"
COCO_FAULTS = [
    (INSTANCES, lambda d: d.pop("categories"), "it has no `categories`; it is no COCO file of instances"),
    (INSTANCES, lambda d: d["annotations"][0].update(image_id=99), "an annotation names image 99, which is not there"),
    (
        INSTANCES,
        lambda d: d["annotations"][0].update(category_id=9),
        "an annotation names category 9, which is not there",
    ),
    (INSTANCES, lambda d: d["annotations"][0]["bbox"].pop(), "a box of image 10 has a corner that is missing"),
    (INSTANCES, lambda d: d["images"].append(d["images"][0]), "image 10 is there twice"),
    (INSTANCES, lambda d: d["categories"][0].pop("name"), "category 1 has no name"),
    (RESULTS, lambda d: d.clear(), r"results/m1: no result is in its files; copy them again, or remove the folder"),
    (RESULTS, lambda d: d[0].update(image_id=99), "a detection names image 99, which is not in the set"),
    (RESULTS, lambda d: d[0].update(category_id=9), "a detection of image 10 has no category"),
    (
        RESULTS,
        lambda d: d[0].update(bbox=[0, 0, -5, 5]),
        "a detection of image 10 has its right side left of its left one",
    ),
]


@pytest.mark.parametrize(("file", "change", "message"), some_fast(COCO_FAULTS))
def test_what_is_wrong_in_coco_is_named(file: str, change: Callable[[dict], object], message: str, coco: Path) -> None:
    edit(coco / file, change)
    with pytest.raises(SourceError, match=message):
        ingest("coco", coco)


@pytest.mark.parametrize("source", ["bdd100k", "coco"])
def test_a_folder_of_something_else(source: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no (labels|annotations)/"):
        make_source(source, tmp_path, 20.0).parts()


def test_results_alone_make_scenes_without_metrics(bdd: Path) -> None:
    for file in (bdd / "labels").rglob("*.json"):
        file.unlink()
    workspace = ingest("bdd100k", bdd)
    assert find_faults(workspace) == []
    assert read(workspace, "scenes").num_rows == 3
    assert not workspace.storage.exists("lake/metrics")


def test_one_of_a_models_files_may_hold_no_result(bdd: Path) -> None:
    made.save(bdd / "results/m2/none.json", [])
    assert read(ingest("bdd100k", bdd), "predictions/detection/m2").num_rows == 3


def test_all_kinds_of_faults_are_named_at_once(bdd: Path) -> None:
    edit(bdd / TRAIN, lambda d: d[0]["labels"][0].pop("category"))
    edit(bdd / FLAT, lambda d: d[0].update(score=7.0))
    with pytest.raises(SourceError) as raised:
        ingest("bdd100k", bdd)
    assert "has no category [no-category]" in str(raised.value)
    assert "has a score outside [0, 1]; give probabilities [bad-score]" in str(raised.value)
