"""Scores in the course of a scene, against loops over frames and numbers worked by hand."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.score import change_rate, even_times, frame_times, longest_run_above, share_above, time_above, trend
from oddloop.score.clock import SceneClock, seconds_in_scene

NAN = float("nan")


def naive(frames, threshold, pause_steps=3.0):
    """The five numbers and the seen time of one scene, from (time, value) pairs; None is not valid, NaN not known."""
    by_time = {}
    for at, value in frames:
        if not np.isnan(at):
            by_time.setdefault(at, []).append(value)
    times = sorted(by_time)
    x = [max((v for v in by_time[t] if np.isfinite(v)), default=NAN) for t in times]
    steps = [b - a for a, b in itertools.pairwise(times)]
    if not steps:
        return [NAN] * 5
    median = float(np.median(steps))
    linked = [step <= pause_steps * median for step in steps] + [False]
    holds = [step if on else median for step, on in zip([*steps, median], linked, strict=True)]
    seen = sum(h for h, v in zip(holds, x, strict=True) if not np.isnan(v))
    if not seen:
        return [NAN] * 5
    above = sum(h for h, v in zip(holds, x, strict=True) if v > threshold)
    longest = run = 0.0
    for h, v, on in zip(holds, x, linked, strict=True):
        run = run + h if v > threshold else 0.0
        longest = max(longest, run)
        run = run if on else 0.0
    pairs = [(abs(x[i + 1] - x[i]), steps[i]) for i in range(len(steps)) if linked[i]]
    pairs = [(change, step) for change, step in pairs if not np.isnan(change)]
    change = sum(c for c, _ in pairs) / sum(s for _, s in pairs) if pairs else NAN
    known = [(t, v) for t, v in zip(times, x, strict=True) if not np.isnan(v)]
    slope = np.polyfit(*zip(*known, strict=True), 1)[0] if len(known) > 1 else NAN
    return [above, above / seen, longest, change, slope]


def all_five(values, times_s, offsets, threshold):
    return np.array(
        [
            time_above(values, times_s, offsets, threshold),
            share_above(values, times_s, offsets, threshold),
            longest_run_above(values, times_s, offsets, threshold),
            change_rate(values, times_s, offsets),
            trend(values, times_s, offsets),
        ]
    ).T


VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, -1.5, NAN, float("inf")]) | st.floats(-10, 10)
TIMES = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 7.0, NAN]) | st.floats(0, 20).map(lambda t: round(t, 3))
SCENES = st.lists(st.lists(st.tuples(TIMES, VALUES), max_size=9), max_size=5)


def arrays(scenes):
    frames = [frame for scene in scenes for frame in scene]
    offsets = np.concatenate([[0], np.cumsum([len(s) for s in scenes], dtype=np.int64)])
    return np.array([v for _, v in frames], float), np.array([t for t, _ in frames], float), offsets


@given(SCENES, st.sampled_from([0.0, 1.0, 2.5]))
def test_agrees_with_a_loop(scenes, threshold):
    found = all_five(*arrays(scenes), threshold)
    expected = np.array([naive(scene, threshold) for scene in scenes]).reshape(-1, 5)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9, nan_ok=True)


@given(SCENES, st.randoms(use_true_random=False))
def test_frames_of_a_scene_may_come_in_any_order(scenes, random):
    shuffled = [random.sample(scene, len(scene)) for scene in scenes]
    assert np.array_equal(all_five(*arrays(scenes), 1.0), all_five(*arrays(shuffled), 1.0), equal_nan=True)


@given(SCENES, st.sampled_from([-1000.0, 3600.0, 1.7e9]))
def test_it_does_not_matter_where_time_begins(scenes, start):
    values, times, offsets = arrays(scenes)
    times = np.round(times)  # whole seconds, which a float holds exactly whatever the start
    moved = all_five(values, times + start, offsets, 1.0)
    assert moved == pytest.approx(all_five(values, times, offsets, 1.0), rel=1e-9, abs=1e-9, nan_ok=True)


@given(st.lists(VALUES, min_size=4, max_size=20), st.data())
def test_a_scene_cut_in_two_has_the_same_time_above(values, data):
    # at an even pace, with two frames at least on either side
    cut = data.draw(st.integers(2, len(values) - 2))
    times = 0.25 * np.arange(len(values))
    whole = time_above(values, times, [0, len(values)], 1.0)
    parts = time_above(values, times, [0, cut, len(values)], 1.0)
    seen = np.isfinite(values)
    if seen[:cut].any() and seen[cut:].any():
        assert parts.sum() == whole[0]


@given(SCENES)
def test_bounds(scenes):
    above, share, longest, change, _ = all_five(*arrays(scenes), 1.0).T
    known = ~np.isnan(above)
    assert (longest[known] <= above[known] + 1e-9).all()
    assert ((share[known] >= 0) & (share[known] <= 1 + 1e-12)).all()
    assert (change[~np.isnan(change)] >= 0).all()


def test_a_pause_ends_a_run_and_is_not_counted():
    # steps .1 .1 4.8 .1, median .1: the pause of 4.8 s counts as .1
    times = [0.0, 0.1, 0.2, 5.0, 5.1]
    assert time_above(np.ones(5), times, [0, 5], 0.5) == pytest.approx([0.5])
    assert longest_run_above(np.ones(5), times, [0, 5], 0.5) == pytest.approx([0.3])
    # with a pause of up to 100 steps allowed, it counts in full: 5.1 s, and the last frame .1
    assert longest_run_above(np.ones(5), times, [0, 5], 0.5, pause_steps=100) == pytest.approx([5.2])
    # over the pause no change is counted: (1 + 0 + 2) / .3, not 10 / 5.1
    assert change_rate([1.0, 2.0, 2.0, 9.0, 7.0], times, [0, 5]) == pytest.approx([10.0])


def test_an_instant_without_a_score_ends_a_run():
    times = [0.0, 1.0, 2.0, 3.0]
    values = [1.0, NAN, 1.0, 1.0]
    assert time_above(values, times, [0, 4], 0.5) == pytest.approx([3.0])
    assert longest_run_above(values, times, [0, 4], 0.5) == pytest.approx([2.0])
    assert share_above(values, times, [0, 4], 0.5) == pytest.approx([1.0])
    assert change_rate([1.0, NAN, 5.0, 6.0], times, [0, 4]) == pytest.approx([1.0])


def test_frames_of_one_instant_count_once_with_the_largest():
    times, values = [0.0, 0.0, 1.0, 1.0], [0.0, 2.0, NAN, 1.0]
    assert time_above(values, times, [0, 4], 1.5) == pytest.approx([1.0])
    assert change_rate(values, times, [0, 4]) == pytest.approx([1.0])
    assert trend(values, times, [0, 4]) == pytest.approx([-1.0])


@pytest.mark.parametrize(
    ("values", "times", "offsets"),
    [
        ([], [], [0]),  # no scene
        ([], [], [0, 0]),  # a scene without frames
        ([1.0], [0.0], [0, 1]),  # one frame: no step
        ([1.0, 2.0], [3.0, 3.0], [0, 2]),  # one instant
        ([1.0, 2.0], [NAN, NAN], [0, 2]),  # no known time
        ([NAN, NAN], [0.0, 1.0], [0, 2]),  # no valid score
    ],
)
def test_not_defined(values, times, offsets):
    found = all_five(values, times, offsets, 0.5)
    assert found.shape == (len(offsets) - 1, 5)
    assert np.isnan(found).all()


def test_one_valid_frame_of_several_has_a_time_but_no_change():
    found = all_five([1.0, NAN, NAN], [0.0, 1.0, 2.0], [0, 3], 0.5)[0]
    assert found.tolist() == pytest.approx([1.0, 1.0, 1.0, NAN, NAN], nan_ok=True)


def test_a_threshold_that_is_not_there_has_nothing_above():
    assert np.isnan(time_above([1.0, 1.0], [0.0, 1.0], [0, 2], NAN)).all()
    assert longest_run_above([1.0, 1.0], [0.0, 1.0], [0, 2], 1.0).tolist() == [0.0]  # equal is not above


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_other_types(dtype):
    values = np.array([1, 3, 2], dtype)
    assert change_rate(values, np.array([0, 1, 2], dtype), [0, 3]).tolist() == [1.5]


def test_inputs_are_not_changed():
    values, times, offsets = np.array([3.0, 1.0, 2.0]), np.array([1.0, 0.0, 1.0]), np.array([0, 3])
    copies = [a.copy() for a in (values, times, offsets)]
    all_five(values, times, offsets, 1.0)
    assert all(np.array_equal(a, b) for a, b in zip((values, times, offsets), copies, strict=True))


def test_faults_are_named():
    with pytest.raises(ValueError, match="offsets must rise from 0 to 2, the number of times"):
        time_above([1.0, 2.0], [0.0, 1.0], [0, 3], 0.5)
    with pytest.raises(ValueError, match=r"values have shape \(1,\), but there are 2 times"):
        time_above([1.0], [0.0, 1.0], [0, 2], 0.5)
    with pytest.raises(ValueError, match="pause_steps must be 1 or more; got nan"):
        time_above([1.0], [0.0], [0, 1], 0.5, pause_steps=NAN)
    with pytest.raises(ValueError, match="finite, or NaN"):
        trend([1.0], [float("inf")], [0, 1])


class TestClock:
    def test_frames_in_order_are_not_sorted(self):
        assert SceneClock.of([0.0, 1.0, 0.5, 0.5], [0, 2, 4]).order == slice(None)

    def test_nanoseconds_are_exact(self):
        since_epoch = 1_700_000_000_123_456_789
        found = seconds_in_scene([since_epoch + 1, since_epoch, 7], np.array([0, 2, 2, 3]))
        assert found.tolist() == [1e-9, 0.0, 0.0]


class TestTimesOfFrames:
    FRAMES = pa.table({"frame_id": ["a", "b", "c"], "timestamp_ns": pa.array([1, 2, 3], pa.int64())})

    def test_by_id(self):
        assert frame_times(self.FRAMES["frame_id"].combine_chunks(), self.FRAMES).to_pylist() == [1, 2, 3]
        assert frame_times(pa.array(["c", "x", "a", "a"]), self.FRAMES).to_pylist() == [3, None, 1, 1]

    def test_a_frame_that_stands_twice_is_refused(self):
        twice = pa.concat_tables([self.FRAMES, self.FRAMES])
        with pytest.raises(TableError, match="frames: a frame_id stands twice; run `oddloop check`"):
            frame_times(pa.array(["a"]), twice)

    @given(st.lists(st.sampled_from("abc"), max_size=20))
    def test_evenly(self, scene_ids):
        scenes = pa.table({"scene_id": ["b", "a"], "duration_s": [4.0, None]})
        found = even_times(pa.array(scene_ids, pa.string()), scenes).to_pylist()
        n, seen = scene_ids.count("b"), 0
        for scene_id, at in zip(scene_ids, found, strict=True):
            assert at == (round(4e9 * seen / n) if scene_id == "b" else None)
            seen += scene_id == "b"
