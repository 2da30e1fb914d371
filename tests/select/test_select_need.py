"""Segments by their conditions, quotas as rows, and what segments need."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import QuotaConfig
from oddloop.errors import ConfigError
from oddloop.select.members import members
from oddloop.select.need import LEAST, MOST, scene_needs
from oddloop.select.quota_rows import build_quotas

ATTRIBUTES = pa.table(
    {
        "scene_id": [f"s{i}" for i in range(6)],
        "rain": ["heavy", "heavy", "none", "none", None, "heavy"],
        "light": ["night", "day", "night", "day", "night", "night"],
        "agents": [["car"], ["car", "bus"], [], ["bus"], None, ["bus"]],
    }
)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({"rain": "heavy"}, [0, 1, 5]),
        ({"rain": "heavy", "light": "night"}, [0, 5]),
        ({"agents": "bus"}, [1, 3, 5]),
        ({"agents": "bus", "rain": "heavy", "light": "night"}, [5]),
        ({"rain": "snow"}, []),
        ({}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_members_of_a_segment(where: dict, rows: list[int]) -> None:
    assert np.flatnonzero(members(ATTRIBUTES, where)).tolist() == rows


def test_an_unknown_attribute_is_told() -> None:
    with pytest.raises(ConfigError, match="no attribute 'fog'; there are: agents, light, rain"):
        members(ATTRIBUTES, {"fog": "yes"})


def test_a_target_counts_what_is_labelled() -> None:
    labelled = ATTRIBUTES.slice(0, 2)
    (quota,) = build_quotas([QuotaConfig({"rain": "heavy"}, target=5)], ATTRIBUTES.slice(2), labelled)
    assert (quota.minimum, quota.rows.tolist()) == (3, [3])
    (quota,) = build_quotas([QuotaConfig({"rain": "heavy"}, target=5, maximum=2)], ATTRIBUTES, labelled)
    assert (quota.minimum, quota.maximum) == (2, 2)


def test_what_a_narrow_segment_lacks_is_taken_from_the_nearest_wider_one() -> None:
    asked = QuotaConfig({"rain": "heavy", "agents": "bus", "light": "night"}, minimum=3, back_off=True)
    narrow, wide = build_quotas([asked], ATTRIBUTES, ATTRIBUTES.slice(0, 0))
    assert (narrow.rows.tolist(), narrow.minimum) == ([5], 1)
    assert wide.minimum == 2
    assert wide.name in {"agents=bus, light=night (for rain=heavy)", "rain=heavy, agents=bus (for light=night)",
                         "rain=heavy, light=night (for agents=bus)"}  # fmt: skip


def needs(verdict: str, *, gap: float = 1.0, n_labelled: int = 10, n_unlabelled: int = 100):
    segments = pa.table(
        {
            "segment_id": ["rain=heavy", "", ""],
            "n_way": [1, 0, 0],
            "attributes": [["rain"], [], []],
            "values": [["heavy"], [], []],
            "status": ["labelled", "labelled", "unlabelled"],
            "n_scenes": [10, 100, 1000],
        }
    )
    key = {"segment_id": ["rain=heavy"], "model_id": ["m"], "metric": ["fde"]}
    numbers = {"target": [2.0], "gap": [gap], "n_labelled": [n_labelled], "n_unlabelled": [n_unlabelled]}
    return scene_needs(ATTRIBUTES, segments, pa.table({**key, **numbers}), pa.table({**key, "verdict": [verdict]}))


def test_a_segment_short_of_data_counts_more() -> None:
    # its share of the pool is .1, of the labels 11 / 101; it misses its target by half
    expected = 0.1 / (11 / 101) * 1.5
    found = needs("data_limited")
    assert found.value.tolist() == pytest.approx([expected, expected, 1, 1, 1, expected])
    assert found.segment_id == ["rain=heavy", "rain=heavy", "", "", "", "rain=heavy"]
    assert needs("undecided").value[0] == pytest.approx(expected**0.5)
    assert needs("data_limited", n_labelled=0).value[0] == MOST


def test_where_data_is_not_the_cure_scenes_count_less() -> None:
    assert needs("model_limited").value[0] == LEAST == 0.5
    assert needs("model_limited").segment_id[0] == ""
    assert needs("ok").value[0] == needs("eval_limited").value[0] == 1.0


def test_a_gap_that_is_no_number_is_not_known() -> None:
    assert needs("data_limited", gap=float("nan")).value.tolist() == needs("data_limited", gap=0.0).value.tolist()


def test_a_segment_of_an_attribute_that_scenes_lack_counts_as_average() -> None:
    segments = pa.table(
        {
            "segment_id": ["road=dirt"],
            "n_way": [1],
            "attributes": [["road"]],
            "values": [["dirt"]],
            "status": ["labelled"],
            "n_scenes": [3],
        }
    )
    key = {"segment_id": ["road=dirt"], "model_id": ["m"], "metric": ["fde"]}
    gaps = pa.table({**key, "target": [2.0], "gap": [1.0], "n_labelled": [1], "n_unlabelled": [50]})
    found = scene_needs(ATTRIBUTES, segments, gaps, pa.table({**key, "verdict": ["data_limited"]}))
    assert set(found.value.tolist()) == {1.0}


def test_a_minimum_above_the_maximum_is_refused() -> None:
    with pytest.raises(ValueError, match="minimum = 5 is above maximum = 2"):
        QuotaConfig({"rain": "heavy"}, minimum=5, maximum=2)
