"""Gaps of volume and what closes them, worked by hand."""

import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.config import AttributeConfig, VolumeConfig
from oddloop.coverage import compute_exposure, encode_attributes
from oddloop.coverage.volume import collect, volume_gaps
from oddloop.errors import ConfigError

TAXONOMY = {
    "sky": AttributeConfig(values=("clear", "rain", "snow", "hail"), outside=("hail",)),
    "time": AttributeConfig(values=("day", "night")),
}
ROWS = [  # sky, time, labelled, log
    *[("clear", "day", True, f"a{i}") for i in range(6)],
    ("rain", "day", True, "b0"),
    ("rain", "night", False, "b1"),
    ("rain", "night", False, "b1"),
    ("clear", "night", False, "c0"),
    (None, "day", False, "d0"),
    ("hail", "day", True, "e0"),
]


def make(rows=ROWS):
    scenes = pa.table(
        {
            "scene_id": [f"s{i}" for i in range(len(rows))],
            "log_id": [row[3] for row in rows],
            "duration_s": [10.0] * len(rows),
            "sky": pa.array([row[0] for row in rows], pa.string()),
            "time": pa.array([row[1] for row in rows], pa.string()),
        }
    )
    labelled = pa.array([f"s{i}" for i, row in enumerate(rows) if row[2]], pa.string())
    return scenes, labelled, encode_attributes(scenes, TAXONOMY)


def gaps_of(config, rows=ROWS, max_way=2):
    scenes, labelled, encoded = make(rows)
    segments = compute_exposure(scenes, labelled, encoded, max_way)
    return volume_gaps(segments, encoded, TAXONOMY, config)


def by_id(gaps, *names):
    return {row["segment_id"]: tuple(row[n] for n in names) for row in gaps.to_pylist()}


def test_every_value_inside_the_odd_should_have_the_least():
    found = by_id(gaps_of(VolumeConfig(least=3)), "labelled", "target", "shortfall", "to_label", "to_drive")
    assert found == {
        "sky=snow": (0, 3, 3, 0, 3),  # nobody has seen it: drive
        "time=night": (0, 3, 3, 3, 0),  # three lie in the pool
        "sky=rain": (1, 3, 2, 2, 0),
        "sky=clear": (6, 3, 0, 0, 0),
        "time=day": (8, 3, 0, 0, 0),
    }  # neither hail, which is outside, nor unknown


def test_what_nobody_saw_is_bounded_by_the_number_of_logs():
    # 11 logs, counted once per status: a0-a5, b0, e0 labelled; b1, c0, d0 not
    gaps = gaps_of(VolumeConfig(least=1))
    rates = by_id(gaps, "rate_at_most", "n_logs")
    assert rates["sky=snow"] == (pytest.approx(1 - 0.05 ** (1 / 11)), 0)
    assert rates["sky=rain"] == (None, 1)


def test_pairs_that_no_scene_has_are_listed_once_in_their_widest_form():
    found = by_id(gaps_of(VolumeConfig(least=1, max_way=2)), "labelled", "to_drive")
    assert "sky=snow" in found
    assert "sky=snow & time=day" not in found  # sky=snow says it already
    assert found["sky=clear & time=night"] == (0, 0)


def test_shares_are_even_or_the_fleets_own():
    even = by_id(gaps_of(VolumeConfig(share="uniform")), "target")
    # 8 labelled with a sky: over clear, rain, snow, hail less hail outside, 3 values
    assert even["sky=rain"] == (pytest.approx(8 / 3),)
    assert even["time=night"] == (4.0,)
    fleet = by_id(gaps_of(VolumeConfig(share="fleet")), "target")
    # 3 of 12 scenes rain, 8 labelled
    assert fleet["sky=rain"] == (pytest.approx(8 * 3 / 12),)
    assert fleet["time=night"] == (pytest.approx(8 * 3 / 12),)


def test_own_targets_come_on_top_and_seconds_can_be_counted():
    config = VolumeConfig(
        exposure="duration_s", least=20, segments={"sky=rain": 50, "sky=rain & time=night": 15}, max_way=2
    )
    found = by_id(gaps_of(config), "target", "labelled", "to_label")
    assert found["sky=rain"] == (50, 10, 20)
    assert found["sky=rain & time=night"] == (20, 0, 20)


def test_a_segment_that_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="no segment is called 'sky=fog'"):
        gaps_of(VolumeConfig(segments={"sky=fog": 3}))


def test_nothing_is_asked_for_by_default():
    assert gaps_of(VolumeConfig()).num_rows == 0


def test_scenes_of_the_pool_come_before_drives():
    scenes, labelled, encoded = make()
    gaps = gaps_of(VolumeConfig(least=3))
    found = collect(scenes, labelled, encoded, gaps)
    # s7 and s8 are rain at night: each closes both; s9 closes night
    assert found.scenes["scene_id"].to_pylist() == ["s7", "s8", "s9"]
    assert found.scenes["gain"].to_pylist() == [2, 2, 1]
    assert sorted(found.scenes["segments"][0].as_py()) == ["sky=rain", "time=night"]
    assert [dict(d.values) for d in found.drives] == [{"sky": "snow"}] * 3
    assert found.remaining == {}


def test_a_limit_on_scenes_leaves_them_for_later_not_for_drives():
    scenes, labelled, encoded = make()
    gaps = gaps_of(VolumeConfig(least=3))
    found = collect(scenes, labelled, encoded, gaps, most_scenes=1, most_drives=2)
    assert found.scenes["scene_id"].to_pylist() == ["s7"]
    assert found.remaining == {"sky=snow": 1, "time=night": 2, "sky=rain": 1}


def test_one_drive_may_bring_more_than_one_unit():
    scenes, labelled, encoded = make()
    found = collect(scenes, labelled, encoded, gaps_of(VolumeConfig(least=3)), per_drive=2)
    assert len(found.drives) == 2
    with pytest.raises(ValueError, match="above 0"):
        collect(scenes, labelled, encoded, gaps_of(VolumeConfig(least=3)), per_drive=0)


CELL = st.tuples(
    st.sampled_from(["clear", "rain", "snow", "hail", None]),
    st.sampled_from(["day", "night", None]),
    st.booleans(),
    st.sampled_from(["l0", "l1", "l2"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=14), st.integers(1, 4))
def test_labelling_and_driving_as_told_leaves_no_gap(rows, least):
    scenes, labelled, encoded = make(rows)
    gaps = gaps_of(VolumeConfig(least=least), rows, 1)
    found = collect(scenes, labelled, encoded, gaps, most_drives=1000)
    assert not set(found.scenes["scene_id"].to_pylist()) & set(labelled.to_pylist())
    done = set(labelled.to_pylist()) | set(found.scenes["scene_id"].to_pylist())
    for (name, taxonomy), place in zip(TAXONOMY.items(), (0, 1), strict=True):
        for value in set(taxonomy.values) - set(taxonomy.outside):
            have = sum(f"s{i}" in done and row[place] == value for i, row in enumerate(rows))
            have += sum(drive.values.get(name) == value for drive in found.drives)
            assert have >= least, (name, value)
    assert found.remaining == {}
    gains = found.scenes["gain"].to_pylist()
    assert all(a >= b for a, b in itertools.pairwise(gains))
