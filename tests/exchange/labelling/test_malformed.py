"""A thousand malformed exports: each is refused in words, and what is taken of others is sound."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings

from labelling_faults import BATCH, EXPORTS, malformed, scrambled
from oddloop.errors import LabellingError
from oddloop.exchange.labelling import Delivery, Sent, coco, sheets
from oddloop.exchange.labelling.cvat_xml import read_annotations
from oddloop.exchange.labelling.label_studio_export import read_export

SENT = Sent(BATCH.units())


def read(tool: str, content: bytes) -> Delivery:
    if tool == "label-studio":
        return read_export(content, SENT)
    if tool == "cvat":
        return read_annotations([content], SENT, ["all"])
    if tool == "coco":
        return coco.read_dataset(content, SENT, ["all"])
    return sheets.read_boxes(content.decode("utf-8", "replace"), SENT, ["all"])


@pytest.mark.parametrize("tool", sorted(EXPORTS))
def test_what_they_are_made_of_is_good(tool: str) -> None:
    assert len(read(tool, EXPORTS[tool]).answers) == 6


@settings(max_examples=1000, suppress_health_check=list(HealthCheck))
@given(malformed())
def test_every_malformed_export_is_refused(case: tuple[str, str, bytes]) -> None:
    tool, _, content = case
    with pytest.raises(LabellingError) as refused:
        read(tool, content)
    assert len(str(refused.value)) < 8000


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(scrambled())
def test_what_is_taken_is_sound(case: tuple[str, bytes]) -> None:
    tool, content = case
    try:
        delivery = read(tool, content)
    except LabellingError:
        return
    units = [answer.unit for answer in delivery.answers]
    assert len(units) == len(set(units))
    for answer in delivery.answers:
        assert answer.unit in SENT.by_key.values()
        assert answer.time_s is None or 0 <= answer.time_s < math.inf
        assert len({box.object_id for box in answer.boxes}) == len(answer.boxes)
        for box in answer.boxes:
            x_min, y_min, x_max, y_max = box.corners
            assert -0.5 <= x_min < x_max <= 640.5
            assert -0.5 <= y_min < y_max <= 480.5
            assert isinstance(box.category, str)
            assert box.category
