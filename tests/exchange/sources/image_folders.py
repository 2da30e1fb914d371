"""Small made-up sets of images in the formats of BDD100K and COCO, and BDD100K's real sample laid out."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("ODDLOOP_TEST_DATA", Path(__file__).parents[3] / "../shared/data")).resolve()
REAL = SHARED / "bdd100k_eval_testcases"
WHY_SKIPPED = "BDD100K's sample is not here; set ODDLOOP_TEST_DATA to the folder that holds bdd100k_eval_testcases/"


def save(file: Path, document: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))


def box2d(x: float, side: float = 10.0) -> dict[str, float]:
    return {"x1": x, "y1": 0.0, "x2": x + side, "y2": side}


def bdd_image(name: str, *labels: dict[str, Any], **attributes: str) -> dict[str, Any]:
    said = {"weather": "rainy", "scene": "highway", "timeofday": "night", **attributes}
    return {"name": f"{name}.jpg", "attributes": said, "timestamp": 10000, "labels": list(labels)}


def bdd_label(i: int, category: str = "car", **more: object) -> dict[str, Any]:
    flags = {"occluded": False, "truncated": True, "crowd": False}
    return {"id": str(i), "category": category, "attributes": flags, "box2d": box2d(20.0 * i), **more}


def write_bdd(folder: Path) -> Path:
    """Two labelled images, one video of 30 labelled frames, and results that also saw an unlabelled image."""
    lane = {"id": "9", "category": "lane", "poly2d": [{"vertices": [[0, 0], [1, 1]]}]}
    images = [
        bdd_image("aaaa-1111", bdd_label(0), bdd_label(1, "pedestrian"), lane),
        bdd_image("bbbb-2222", weather="clear"),
    ]
    save(folder / "labels/det_20/det_train.json", images)
    video = [
        {
            "name": f"cccc-3333-{i + 1:07}.jpg",
            "videoName": "cccc-3333",
            "frameIndex": i,
            "labels": [bdd_label(0), bdd_label(1, "bus")],
        }
        for i in range(30)
    ]
    save(folder / "labels/box_track_20/val/cccc-3333.json", {"frames": video, "groups": [], "config": {}})
    scored = [{"name": f"cccc-3333/{f['name']}", "labels": [bdd_label(0, score=0.9)]} for f in video]
    save(folder / "results/m1/det.json", scored)
    flat = [
        {"name": "aaaa-1111.jpg", "category": "car", "score": 0.8, "bbox": [0.0, 0.0, 10.0, 10.0]},
        {"name": "dddd-4444.jpg", "category": "car", "score": 0.3, "bbox": [0.0, 0.0, 10.0, 10.0]},
    ]
    save(folder / "results/m2/flat.json", flat)
    return folder


def lay_out_real_bdd(folder: Path) -> Path:
    places = {
        "track_ann_b1c66a42.json": "labels/box_track_20/val/b1c66a42-6f7d68ca.json",
        "bbox_predictions.json": "results/detector/bbox.json",
    }
    for name, place in places.items():
        (folder / place).parent.mkdir(parents=True)
        shutil.copy(REAL / name, folder / place)
    return folder


def write_coco(folder: Path) -> Path:
    """Three images of a drive's folder and a lone one, with a crowd, and results of one model."""
    names = ["drive_1/000.jpg", "drive_1/001.jpg", "drive_1/002.jpg", "lone.jpg"]
    images = [{"id": 10 + i, "file_name": name, "width": 640, "height": 480} for i, name in enumerate(names)]
    boxes = [(10, 1, 0.0, 0), (10, 2, 50.0, 0), (11, 1, 0.0, 0), (13, 2, 0.0, 0), (13, 2, 100.0, 1)]
    annotations = [
        {
            "id": i,
            "image_id": image,
            "category_id": category,
            "bbox": [x, 0.0, 20.0, 30.0],
            "iscrowd": crowd,
            "area": 600.0,
        }
        for i, (image, category, x, crowd) in enumerate(boxes)
    ]
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "person"}]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    save(folder / "annotations/instances_val2017.json", whole)
    # A hit, a false positive, and one inside the crowd.
    found = [(10, 1, 0.0, 0.9), (11, 2, 200.0, 0.8), (13, 2, 100.0, 0.7)]
    results = [{"image_id": i, "category_id": c, "bbox": [x, 0.0, 20.0, 30.0], "score": s} for i, c, x, s in found]
    save(folder / "results/m1/bbox.json", results)
    return folder
