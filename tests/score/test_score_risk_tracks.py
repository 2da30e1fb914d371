"""Leads, proximity, braking, frame scores: worked numbers, loops over all pairs, symmetries, what is not valid."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score import score_columns, summarize_scenes
from oddloop.score.risk import (
    acceleration,
    box_distance,
    find_leads,
    hard_braking_time,
    jerk,
    make_tracks,
    nearest_distance,
    score_tracks,
)
from oddloop.score.risk.frames import STATE
from oddloop.score.risk.pairs import chunks_of_frames

NAN, INF = float("nan"), float("inf")


def tracks_of(*rows, offsets=None):
    """Vehicles 4 x 2 m at (x, y, heading, speed)."""
    x, y, heading, speed = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return make_tracks(x, y, heading, speed, 4.0, 2.0, [0, len(x)] if offsets is None else offsets)


@pytest.mark.parametrize(
    ("other", "gap", "closing"),
    [
        # 30 m ahead, 5 m/s slower: gap 30 - 4
        ((30, 0, 0, 10), 26.0, 5.0),
        # overlapping by a hair sideways, and not any more
        ((30, 1.99, 0, 10), 26.0, 5.0),
        ((30, 2.0, 0, 10), NAN, NAN),
        # turned by 30° still leads; its speed counts along our heading; by 60° it crosses
        ((30, 0, math.pi / 6, 10), 26.0, 15 - 10 * math.cos(math.pi / 6)),
        ((30, 0, math.pi / 3, 10), NAN, NAN),
        # behind, oncoming, too far, not known
        ((-30, 0, 0, 10), NAN, NAN),
        ((30, 0, math.pi, 10), NAN, NAN),
        ((101, 0, 0, 10), NAN, NAN),
        ((30, 0, 0, NAN), NAN, NAN),
        ((NAN, 0, 0, 10), NAN, NAN),
        # overlapping
        ((3, 0, 0, 10), -1.0, 5.0),
    ],
)
def test_whom_a_vehicle_follows(other, gap, closing):
    leads = find_leads(tracks_of((0, 0, 0, 15), other))
    assert bool(leads.found[0]) is not math.isnan(gap)
    assert leads.row[0] == (0 if math.isnan(gap) else 1)
    assert [leads.gap_m[0], leads.closing_mps[0]] == pytest.approx([gap, closing], nan_ok=True)


def test_frames_do_not_mix_and_the_nearest_leads():
    rows = (0, 0, 0, 15), (50, 0, 0, 10), (20, 0, 0, 10), (10, 0, 0, 10)
    leads = find_leads(tracks_of(*rows, offsets=[0, 3, 3, 4]))
    assert leads.found.tolist() == [True, False, True, False]
    assert leads.row.tolist() == [2, 1, 1, 3]


@st.composite
def traffic(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(0, 25))
    rows = np.stack([rng.uniform(0, 80, n), rng.integers(0, 4, n) * 3.0, rng.normal(0, 0.2, n), rng.uniform(0, 20, n)])
    return rows.T


@given(traffic())
def test_leads_and_proximity_agree_with_loops(rows):
    tracks = tracks_of(*rows)
    leads, nearest = find_leads(tracks, 50.0), nearest_distance(tracks, 6.0)
    for i, (x, y, heading, speed) in enumerate(rows):
        found, distances = [], []
        for j, (x2, y2, heading2, speed2) in enumerate(rows):
            if i == j:
                continue
            pair = tracks.boxes.take(np.array([i])), tracks.boxes.take(np.array([j]))
            distances.append(float(box_distance(*pair)[0]))
            ahead = (x2 - x) * math.cos(heading) + (y2 - y) * math.sin(heading)
            offset = (y2 - y) * math.cos(heading) - (x2 - x) * math.sin(heading)
            is_lead = ahead > 0 and abs(offset) < 2 and math.cos(heading2 - heading) >= math.cos(math.pi / 4)
            if is_lead and math.hypot(x2 - x, y2 - y) <= 50:
                found.append((ahead - 4, speed - speed2 * math.cos(heading2 - heading)))
        gap, closing = min(found, default=(NAN, NAN))
        assert [leads.gap_m[i], leads.closing_mps[i]] == pytest.approx([gap, closing], nan_ok=True)
        within = min((d for d in distances if d <= 6.0), default=NAN)
        assert nearest[i] == pytest.approx(within, nan_ok=True, abs=1e-9)


@given(traffic(), st.integers(0, 1000), st.floats(-3, 3))
def test_order_and_motion_do_not_matter(rows, seed, angle):
    leads, nearest = find_leads(tracks_of(*rows)), nearest_distance(tracks_of(*rows))
    order = np.random.default_rng(seed).permutation(len(rows))
    mixed = tracks_of(*rows[order])
    assert find_leads(mixed).gap_m == pytest.approx(leads.gap_m[order], nan_ok=True)
    assert nearest_distance(mixed) == pytest.approx(nearest[order], nan_ok=True)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y, heading, speed = rows.T
    moved = tracks_of(*np.stack([x * cos - y * sin + 9, x * sin + y * cos - 5, heading + angle, speed], axis=1))
    assert nearest_distance(moved) == pytest.approx(nearest, nan_ok=True, abs=1e-6)


def test_discs_are_never_farther_than_boxes():
    tracks = tracks_of((0, 0, 0, 1), (9, 0, 0, 1))
    assert nearest_distance(tracks).tolist() == [5.0, 5.0]
    assert nearest_distance(tracks, shape="discs").tolist() == pytest.approx([9 - math.hypot(4, 2)] * 2)
    assert np.isnan(nearest_distance(tracks, 4.9)).all()
    assert np.isnan(nearest_distance(tracks_of((0, 0, 0, 1), (NAN, 0, 0, 1)))).all()
    with pytest.raises(ValueError, match="reach_m must be above 0 and finite; got 0"):
        nearest_distance(tracks, 0.0)


def test_chunks_cover_all_frames_once():
    offsets = np.array([0, 5, 5, 30, 31, 32])
    assert list(chunks_of_frames(offsets, 6)) == [(0, 2), (2, 3), (3, 5)]
    assert list(chunks_of_frames(np.array([0]), 6)) == []


@pytest.mark.parametrize(
    ("speed", "time", "expected_acceleration", "expected_jerk", "braking"),
    [
        # steady, then -4 m/s² for two seconds; the rows beside the change see half of it
        ([8, 8, 4, 0], [0, 1, 2, 3], [0, -2, -4, -4], [NAN, -4, 0, NAN], 1.5),
        # unequal steps: (0 - 3) / 1.5, then 2 (2 - (-8)) / 1.5 with slopes -8 and 2 over .5 s and 1 s
        ([6, 2, 4], [0, 0.5, 1.5], [-8, -2 / 1.5, 2], [NAN, 2 * (2 + 8) / 1.5, NAN], 0.25),
        # one row, none, a gap of more than a second, time that stands or falls
        ([8], [0], [NAN], [NAN], NAN),
        ([], [], [], [], NAN),
        ([8, 0], [0, 1.1], [NAN, NAN], [NAN, NAN], NAN),
        ([8, 0], [0, 0], [NAN, NAN], [NAN, NAN], NAN),
        ([8, 0], [1, 0], [NAN, NAN], [NAN, NAN], NAN),
        # an unknown speed: its neighbours look to the other side
        ([8, 4, NAN, 4, 4], [0, 1, 2, 3, 4], [-4, -4, NAN, 0, 0], [NAN] * 5, 1.0),
        ([8, 4, INF], [0, 1, 2], [-4, -4, NAN], [NAN] * 3, 1.0),
    ],
)
def test_braking(speed, time, expected_acceleration, expected_jerk, braking):
    offsets = [0, len(speed)]
    assert acceleration(speed, time, offsets) == pytest.approx(np.array(expected_acceleration), nan_ok=True)
    assert jerk(speed, time, offsets) == pytest.approx(np.array(expected_jerk), nan_ok=True)
    assert hard_braking_time(speed, time, offsets) == pytest.approx([braking], nan_ok=True)


def test_tracks_do_not_mix():
    speed, time = [0.0, 1.0, 50.0, 49.0, 7.0], [0.0, 1.0, 0.0, 1.0, 2.0]
    assert acceleration(speed, time, [0, 2, 4]) == pytest.approx([1, 1, -1, -1, NAN], nan_ok=True)
    with pytest.raises(ValueError, match="speeds and times must be of one length"):
        jerk([1.0], [1.0, 2.0], [0, 1])
    with pytest.raises(ValueError, match="offsets must rise"):
        jerk([1.0], [1.0], [0, 2])
    with pytest.raises(ValueError, match="threshold_mps2 must be above 0"):
        hard_braking_time([1.0], [1.0], [0, 1], -3.0)


@given(st.integers(2, 40), st.integers(0, 1000), st.floats(0.2, 5))
def test_differences_agree_with_numpy_and_scale_with_time(n, seed, factor):
    rng = np.random.default_rng(seed)
    v, t = rng.normal(10, 3, n), np.cumsum(rng.uniform(0.05, 0.19, n))
    found = acceleration(v, t, [0, n])
    assert found[1:-1] == pytest.approx((v[2:] - v[:-2]) / (t[2:] - t[:-2]))
    assert found[[0, -1]] == pytest.approx(np.gradient(v, t)[[0, -1]])
    assert acceleration(v, factor * t, [0, n]) == pytest.approx(found / factor)
    assert jerk(v, factor * t, [0, n]) == pytest.approx(jerk(v, t, [0, n]) / factor**2, nan_ok=True)


def batch_of(frames):
    """A table of frames: each a list of (x, y, heading, speed) of vehicles of 4 x 2 m."""
    rows = [(f"f{i}", "s", *state, 4.0, 2.0) for i, frame in enumerate(frames) for state in frame]
    names = ("frame_id", "scene_id", *STATE)
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def test_frame_scores():
    frames = [
        # gap 10, 20 m/s closing at 5: TTC 2, THW .5, 25 / 20 = 1.25; no one within 5 m
        [(0, 0, 0, 20), (14, 0, 0, 15)],
        # gap 3, opening: nothing to fear of TTC, THW .3, distance 3
        [(0, 0, 0, 10), (7, 0, 0, 15)],
        # alone; a state that is not known
        [(0, 0, 0, 10)],
        [(0, 0, 0, 20), (14, 0, 0, 15), (90, 9, 0, NAN)],
        # the follower stands
        [(0, 0, 0, 0), (14, 0, 0, 0)],
    ]
    found = score_tracks(batch_of(frames), ScoreConfig(reductions=("max",)))
    expected = {
        "ttc_shortfall": [2.0, 0.0, None, None, 0.0],
        "thw_shortfall": [1.5, 1.7, None, None, 0.0],
        "required_deceleration": [1.25, 0.0, None, None, 0.0],
        "proximity": [None, 2.0, None, None, None],
    }
    for name, values in expected.items():
        assert found[f"risk_{name}_max"].to_pylist() == pytest.approx(values), name
        assert found[f"risk_{name}_max_valid"].to_pylist() == [v is not None for v in values]
    assert found["n_objects"].to_pylist() == [2, 2, 1, 3, 2]
    assert summarize_scenes(found)["risk_ttc_shortfall_max_n"].to_pylist() == [3]


@given(
    st.lists(
        st.lists(
            st.tuples(*[st.sampled_from([0.0, 1.0, 7.0, 30.0, -5.0, NAN, INF, 1e30, 1e300])] * 4),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_malformed_states_are_not_valid_and_never_nan(frames):
    batch, config = batch_of(frames), ScoreConfig(top_k=2)
    found = score_tracks(batch, config)
    for name in score_columns(found):
        assert found[name].is_valid().to_pylist() == found[f"{name}_valid"].to_pylist()
        values = found[name].drop_null().to_numpy()
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    cut = len(frames[0])
    parts = [score_tracks(part, config) for part in (batch.slice(0, cut), batch.slice(cut))]
    assert pa.concat_tables(parts).combine_chunks().equals(found.combine_chunks())


def test_columns_that_are_missing_or_no_numbers():
    batch = batch_of([[(0, 0, 0, 1)]])
    with pytest.raises(TableError, match="column `speed_mps` is missing"):
        score_tracks(batch.drop_columns("speed_mps"), ScoreConfig())
    words = batch.set_column(batch.column_names.index("x_m"), "x_m", pa.array(["far"]))
    with pytest.raises(TableError, match="column `x_m` must hold numbers; got string"):
        score_tracks(words, ScoreConfig())
    assert score_tracks(batch.slice(0, 0), ScoreConfig()).num_rows == 0


@pytest.mark.parametrize(
    ("speed", "offsets", "message"),
    [([1.0, 2.0], [0, 3], "offsets must rise from 0 to 3"), ([1.0] * 3, [0, 2], "offsets must rise from 0 to 3")],
)
def test_tracks_of_unlike_lengths(speed, offsets, message):
    with pytest.raises(ValueError, match=r"tracks need|broadcast|" + message):
        make_tracks([0.0] * 3, [0.0] * 3, 0.0, speed, 4.0, 2.0, offsets)
