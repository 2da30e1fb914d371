"""datumaro and pycocotools read what we write, and what they write comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labelling_batches import SIZE, make_batch
from oddloop.exchange.labelling import Batch, Delivery, Sent, coco, cvat
from oddloop.exchange.labelling.cvat_xml import read_annotations
from oracles.peers import load

pytestmark = pytest.mark.system
REASON = "{{name}} is not installed; `make test-all` installs it into .venv-labelling ({error})"


@pytest.fixture
def datumaro() -> Any:
    return load("datumaro", REASON.replace("{{name}}", "datumaro"))


def batch_in_hundredths() -> Batch:
    """Boxes whose corners have two decimals."""
    return make_batch(corners=[(1.5, 2.25, 100.13, 200.06), (0.1, 0.2, 639.7, 479.9), (317.33, 100.78, 320.11, 101.99)])


def write_images(batch: Batch, folder: Path) -> None:
    """Black images of the right size: datumaro refuses annotations of images that are not there."""
    image = load("PIL.Image", REASON.replace("{{name}}", "Pillow"))
    for _, frame in batch.frames():
        path = folder / frame.unit.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.new("RGB", SIZE).save(path)


def same(batch: Batch, delivery: Delivery) -> None:
    found = {answer.unit: answer.boxes for answer in delivery.answers}
    assert set(found) == {frame.unit for _, frame in batch.frames()}
    for _, frame in batch.frames():
        mine = sorted(frame.boxes, key=lambda b: b.corners)
        theirs = sorted(found[frame.unit], key=lambda b: b.corners)
        assert [b.category for b in theirs] == [b.category for b in mine]
        for one, other in zip(mine, theirs, strict=True):
            assert other.corners == pytest.approx(one.corners, abs=1e-3)


def test_cvat_xml_is_read_with_its_attributes_and_comes_back(tmp_path: Path, datumaro: Any) -> None:
    batch = batch_in_hundredths()
    write_images(batch, tmp_path / "in" / "images")
    (tmp_path / "in" / "default.xml").write_text("".join(cvat.annotations_xml(batch, "d" * 32)))
    read = datumaro.Dataset.import_from(str(tmp_path / "in"), "cvat")
    ids = set()
    for item in read:
        (tag,) = (a for a in item.annotations if a.type == datumaro.AnnotationType.label)
        ids.add((tag.attributes["al_round_id"], tag.attributes["al_scene_id"], tag.attributes["al_frame_id"]))
        assert tag.attributes["al_reasons"] == "score 1.2 & more; <rare>"
    assert ids == {unit.key for unit in batch.units()}
    read.export(str(tmp_path / "out"), "cvat", save_media=True)
    (written,) = (tmp_path / "out").glob("*.xml")
    same(batch, read_annotations([written.read_bytes()], Sent(batch.units()), ["all"]))


def test_it_rounds_to_hundredths_itself(datumaro: Any) -> None:
    assert datumaro.Bbox(0.0, 0.0, 100.125, 1.0).points[2] == pytest.approx(
        100.12
    )  # and so our batch has no finer ones


def test_coco_through_datumaro_comes_back(tmp_path: Path, datumaro: Any) -> None:
    batch = batch_in_hundredths()
    write_images(batch, tmp_path / "in" / "images" / "default")
    (tmp_path / "in" / "annotations").mkdir()
    (tmp_path / "in" / "annotations" / "instances_default.json").write_text(json.dumps(coco.make_dataset(batch)))
    read = datumaro.Dataset.import_from(str(tmp_path / "in"), "coco_instances")
    read.export(str(tmp_path / "out"), "coco_instances", save_media=True)
    (written,) = (tmp_path / "out" / "annotations").glob("*.json")
    same(batch, coco.read_dataset(written.read_bytes(), Sent(batch.units()), ["all"]))


def test_coco_through_pycocotools_comes_back(tmp_path: Path) -> None:
    tool = load("pycocotools.coco", REASON.replace("{{name}}", "pycocotools"))
    batch = make_batch()
    file = tmp_path / "annotations.json"
    file.write_text(json.dumps(coco.make_dataset(batch)))
    read = tool.COCO(str(file))
    names = {c["id"]: c["name"] for c in read.loadCats(read.getCatIds())}
    assert sorted(names.values()) == ["car", "van"]
    found = read.loadRes(
        [{k: a[k] for k in ("image_id", "category_id", "bbox", "score")} for a in read.loadAnns(read.getAnnIds())]
    )
    back = {**found.dataset, "images": read.dataset["images"], "categories": read.dataset["categories"]}
    same(batch, coco.read_dataset(json.dumps(back).encode(), Sent(batch.units()), ["all"]))
