"""label-studio-sdk takes our tasks, and what its converter makes of answered ones comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labelling_batches import make_batch
from oddloop.demo.annotator import annotate
from oddloop.exchange.labelling import Sent, coco, label_studio
from oracles.peers import load

pytestmark = pytest.mark.system
REASON = "label-studio-sdk is not installed; `make test-all` installs it into .venv-labelling ({error})"


@pytest.fixture
def interface() -> Any:
    return load("label_studio_sdk.label_interface", REASON).LabelInterface(label_studio.label_config(make_batch()))


def test_it_takes_our_interface_and_every_prediction(interface: Any) -> None:
    interface.validate()
    for task in label_studio.make_tasks(make_batch()):
        for prediction in task["predictions"]:
            assert interface.validate_prediction(prediction, return_errors=True) == []


def test_it_takes_the_interface_of_scenes_without_images() -> None:
    config = label_studio.label_config(make_batch(images=False))
    load("label_studio_sdk.label_interface", REASON).LabelInterface(config).validate()


def test_its_check_does_see_what_is_wrong(interface: Any) -> None:
    (prediction,) = label_studio.make_tasks(make_batch())[0]["predictions"]
    prediction["score"] = 1.5
    prediction["result"][0]["value"]["width"] = 120.0
    assert len(interface.validate_prediction(prediction, return_errors=True)) >= 1


def test_what_it_converts_to_coco_comes_back(tmp_path: Path) -> None:
    converter = load("label_studio_sdk.converter", REASON)
    batch = make_batch()
    answered = annotate(label_studio.make_tasks(batch))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "export.json").write_text(json.dumps(answered))
    made = converter.Converter(label_studio.label_config(batch), str(tmp_path), download_resources=False)
    made.convert_to_coco(str(tmp_path / "in"), str(tmp_path / "out"), output_image_dir=str(tmp_path / "images"))
    delivery = coco.read_dataset((tmp_path / "out" / "result.json").read_bytes(), Sent(batch.units()), ["all"])
    found = {answer.unit: answer.boxes for answer in delivery.answers}
    assert set(found) == set(batch.units())
    for _, frame in batch.frames():
        for mine, theirs in zip(frame.boxes, found[frame.unit], strict=True):
            assert theirs.category == mine.category
            assert theirs.corners == pytest.approx(mine.corners, abs=1e-3)
