"""Scene summaries batch by batch are those of all frames at once, however the frames are cut."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import SceneScoreConfig
from oddloop.errors import TableError
from oddloop.score import scene_batches, summarize_scene_batches, summarize_scenes


@pytest.fixture(params=[1, 7, scene_batches.AT_ONCE], autouse=True, scope="module")
def at_once(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene_batches, "AT_ONCE", request.param)
        yield request.param


CONFIG = SceneScoreConfig(summaries=("mean", "max", "p95", "sum", "topk", "per_object"), top_k=2)


def frames_of(scenes, rng):
    n = len(scenes)
    valid = rng.random(n) < 0.8
    return pa.table(
        {
            "scene_id": pa.array(scenes, pa.string()),
            "n_objects": pa.array(rng.integers(0, 5, n), mask=rng.random(n) < 0.2),
            "risk_sum": pa.array(rng.random(n), mask=~valid),
            "risk_sum_valid": valid,
        }
    )


def cut(frames, bounds):
    bounds = sorted({0, frames.num_rows, *(b % (frames.num_rows + 1) for b in bounds)})
    return [frames.slice(a, b - a) for a, b in itertools.pairwise(bounds)]


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=8),
    bounds=st.lists(st.integers(0, 100), max_size=12),
    seed=st.integers(0, 99),
)
def test_equals_all_frames_at_once(lengths, bounds, seed):
    rng = np.random.default_rng(seed)
    # GIVEN scenes in no order of their names, each in one run
    names = [f"scene-{i}" for i in rng.permutation(len(lengths))]
    frames = frames_of(np.repeat(names, lengths).tolist(), rng)
    batches = cut(frames, bounds)
    found = summarize_scene_batches(iter([batches[0].slice(0, 0), *batches, batches[0].slice(0, 0)]), CONFIG)
    assert found is not None
    assert found.equals(summarize_scenes(frames, CONFIG).combine_chunks())


def test_scenes_may_be_mixed_within_a_batch():
    frames = frames_of(["b", "a", "b", "a", "c"], np.random.default_rng(0))
    found = summarize_scene_batches([frames], CONFIG)
    assert found is not None
    assert found.equals(summarize_scenes(frames, CONFIG).combine_chunks())


@pytest.mark.parametrize("batches", [["a", "b", "a"], ["b", "a", "a", "b"]])
def test_frames_that_stand_apart(batches, at_once):
    rng = np.random.default_rng(0)
    frames = [frames_of([scene] * 4, rng) for scene in batches]
    found = summarize_scene_batches(frames, CONFIG)
    # THEN it is noticed, unless they are gathered first
    assert found is None if at_once < 8 else found.equals(summarize_scenes(pa.concat_tables(frames), CONFIG))


def test_no_batch():
    assert summarize_scene_batches([]) is None


def test_no_frame_gives_the_columns():
    frames = frames_of(["a"], np.random.default_rng(0)).slice(0, 0)
    found = summarize_scene_batches([frames, frames], CONFIG)
    assert found is not None
    assert found.equals(summarize_scenes(frames, CONFIG).combine_chunks())


def test_errors_are_those_of_summarize_scenes():
    frames = frames_of(["a", None, "b"], np.random.default_rng(0))
    with pytest.raises(TableError, match="scene_id is null in 1 rows"):
        summarize_scene_batches([frames])
    with pytest.raises(TableError, match="`scene_id` is missing"):
        summarize_scene_batches([frames.drop_columns(["scene_id"])])
    with pytest.raises(TableError, match="scene_id is null"):
        summarize_scene_batches([frames.slice(0, 1), frames.slice(1, 1), frames.slice(2)])


def test_batches_are_not_held(at_once):
    frames = frames_of([f"scene-{i // 10:04d}" for i in range(20_000)], np.random.default_rng(0))
    before, held = pa.total_allocated_bytes(), []

    def batches():
        for start in range(0, frames.num_rows, 500):
            yield frames.take(pa.array(np.arange(start, start + 500)))  # a copy
            held.append(pa.total_allocated_bytes() - before)

    assert summarize_scene_batches(batches(), CONFIG) is not None
    assert at_once > 500 or max(held) < 0.7 * frames.nbytes
