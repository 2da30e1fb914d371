"""From maps to frames, instance masks, tensors in tables and files, and the loop."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toy
from oddloop.cli.app import main
from oddloop.config import ScoreConfig, SegmentationConfig
from oddloop.errors import TableError
from oddloop.lake.storage import Storage
from oddloop.lake.tensors import open_tensor
from oddloop.score import KERNELS
from oddloop.score.segmentation import (
    boundary_excluded_mean,
    class_balanced_mean,
    compute_pixel_measures,
    largest_region,
    map_mean,
    mask_confidence,
    mask_iou,
    member_stability,
    score_segmentation,
    threshold_stability,
    top_share_mean,
)

EVERY = ScoreConfig(
    segmentation=SegmentationConfig(
        measures=("entropy", "expected_entropy", "bald", "margin"),
        reductions=("mean", "top_share", "class_balanced", "boundary_excluded", "region"),
        top_share=0.25,
        boundary_px=1,
    )
)
MAPS = st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).random((4, 5)).astype(np.float32))


def row(tensor, frame="f", **more):
    plain = {"frame_id": frame, "scene_id": "s", "tensor": tensor.tobytes(), "shape": list(tensor.shape)}
    return {**plain, "dtype": tensor.dtype.name, **more}


def batch(*rows):
    names = ("frame_id", "scene_id", "tensor", "shape", "dtype", "tensor_uri", "kind", "scale", "zero_point")
    kinds = {
        "tensor": pa.large_binary(),
        "shape": pa.list_(pa.int64()),
        "scale": pa.float64(),
        "zero_point": pa.float64(),
    }
    return pa.table({n: pa.array([r.get(n) for r in rows], kinds.get(n, pa.string())) for n in names})


def probs(seed=0, shape=(2, 3, 6, 8)):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[1]), (shape[0], *shape[2:])).transpose(0, 3, 1, 2)


# reductions


@given(MAPS, st.sampled_from([0.05, 0.1, 0.5, 1.0]))
def test_the_most_unsure_share_is_a_sorted_tail(values, share):
    n = max(int(np.ceil(share * values.size - 1e-9)), 1)
    assert top_share_mean(values, share) == pytest.approx(np.sort(values.ravel())[-n:].mean(), rel=1e-6)
    assert map_mean(values) <= top_share_mean(values, share) + 1e-6


@given(MAPS, st.integers(0, 100), st.integers(0, 3))
def test_classes_and_boundaries_equal_plain_loops(values, seed, radius):
    classes = np.random.default_rng(seed).integers(0, 3, values.shape) * 2
    means = [values[classes == c].mean() for c in np.unique(classes)]
    assert class_balanced_mean(values, classes) == pytest.approx(np.mean(means), rel=1e-6)
    kept = []
    for y, x in itertools.product(range(4), range(5)):
        near = classes[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
        if (near == classes[y, x]).all():
            kept.append(values[y, x])
    found = boundary_excluded_mean(values, classes, radius)
    assert found == pytest.approx(np.mean(kept), rel=1e-6) if kept else np.isnan(found)


def test_the_largest_region_is_the_one_with_the_largest_sum():
    values = np.array([[3.0, 0.0, 0.9, 0.9], [0.0, 0.0, 0.9, 0.9], [0.6, 0.0, 0.0, 0.0]])
    # corners do not connect; 3.0 alone is 3 of one pixel, the four .9 are 3.6 of four
    assert largest_region(values, 0.5) == pytest.approx((3.6, 4 / 12))
    assert largest_region(values, 3.0) == (0.0, 0.0)


@pytest.mark.parametrize("reduce", [map_mean, top_share_mean, lambda v: largest_region(v, 0.1).total])
def test_a_pixel_that_is_not_valid_makes_the_frame_so(reduce):
    values = np.full((3, 3), 0.5, np.float32)
    values[1, 1] = np.nan
    assert np.isnan(reduce(values))
    assert np.isnan(reduce(np.empty((0, 3), np.float32)))
    ones = np.zeros((3, 3), int)
    assert np.isnan(class_balanced_mean(values, ones))
    assert np.isnan(boundary_excluded_mean(values, ones))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: top_share_mean([[1.0]], 0.0), "share must be in"),
        (lambda: class_balanced_mean([[1.0]], [[1, 2]]), "alike"),
        (lambda: boundary_excluded_mean([[1.0]], [[1]], -1), "radius_px"),
        (lambda: mask_iou([[1]], [[1]]), "booleans of one shape"),
        (lambda: mask_confidence([[0.5]]), "floats"),
        (lambda: threshold_stability([[[0.5]]], delta=0), "delta"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# masks


@given(st.integers(0, 10**6), st.integers(1, 4))
def test_masks_equal_plain_sets(seed, n_members):
    values = np.random.default_rng(seed).random((3, n_members, 4, 5)).astype(np.float32)
    sets = [[set(zip(*np.nonzero(m > 0.5), strict=True)) for m in obj] for obj in values]
    wanted = [
        np.mean([len(a & b) / len(a | b) if a | b else 1.0 for a, b in itertools.combinations(obj, 2)] or [1.0])
        for obj in sets
    ]
    np.testing.assert_allclose(member_stability(values), wanted, rtol=1e-9)
    first = values[:, 0]
    inside = [first[i][first[i] > 0.5] for i in range(3)]
    np.testing.assert_allclose(mask_confidence(first), [x.mean() if x.size else np.nan for x in inside], rtol=1e-5)
    inner, outer = first > np.float32(0.6), first > np.float32(0.4)
    stable = [1.0 if not o.any() else i.sum() / o.sum() for i, o in zip(inner, outer, strict=True)]
    np.testing.assert_allclose(threshold_stability(first), stable, atol=0.06)
    same = np.repeat(values[:, :1], 3, axis=1)
    assert (member_stability(same) == 1.0).all()


def test_masks_of_what_is_no_probability_are_not_valid():
    bad = np.array([[[[0.5, 2.0]], [[0.5, 0.5]]]])
    assert np.isnan(member_stability(bad)).all()
    assert np.isnan(mask_confidence(bad[:, 0])).all()
    assert np.isnan(member_stability(np.zeros((1, 0, 2, 2)))).all()


# the kernel


def test_scores_are_the_reductions_of_the_maps():
    tensor = probs().astype(np.float32)
    found = score_segmentation(batch(row(tensor)), EVERY).to_pylist()[0]
    maps = compute_pixel_measures(tensor, ("bald", "classes"))
    assert found["segmentation_bald_mean"] == pytest.approx(map_mean(maps["bald"]))
    assert found["segmentation_bald_top_share"] == pytest.approx(top_share_mean(maps["bald"], 0.25))
    assert found["segmentation_bald_class_balanced"] == pytest.approx(
        class_balanced_mean(maps["bald"], maps["classes"])
    )
    region = largest_region(maps["bald"], 0.5 * np.log(3))
    assert (found["segmentation_bald_region"], found["segmentation_bald_region_share"]) == pytest.approx(region)
    assert found["n_objects"] == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8"])
def test_stored_numbers_are_read_as_they_were_written(dtype):
    tensor = (probs() * 255).round().astype(np.uint8) if dtype == "uint8" else probs().astype(dtype)
    (found,) = score_segmentation(batch(row(tensor)), ScoreConfig()).to_pylist()
    assert found["segmentation_entropy_mean_valid"]
    wanted = map_mean(compute_pixel_measures(tensor, ("entropy",))["entropy"])
    assert found["segmentation_entropy_mean"] == pytest.approx(wanted)


def test_logits_take_the_temperature_and_uint8_its_scale():
    logits = np.random.default_rng(0).integers(0, 255, (3, 4, 5)).astype(np.uint8)
    rows = batch(row(logits, kind="logits", scale=0.1, zero_point=128.0))
    (found,) = score_segmentation(rows, ScoreConfig(temperature=2.0)).to_pylist()
    maps = compute_pixel_measures(logits, ("entropy",), kind="logits", scale=0.1, zero_point=128.0, temperature=2.0)
    assert found["segmentation_entropy_mean"] == pytest.approx(map_mean(maps["entropy"]))


@pytest.mark.parametrize(
    "bad",
    [
        {"tensor": b"123"},  # not of its shape
        {"shape": [2, 3]},
        {"shape": None},
        {"shape": [-2, 3, 6, -8]},
        {"scale": -1.0, "dtype": "uint8", "shape": [2, 3, 6, 64]},
        {"tensor": (probs() * 2).astype(np.float64).tobytes()},  # not distributions
        {"tensor": np.full((2, 3, 6, 8), np.nan).tobytes()},
    ],
)
def test_what_cannot_be_measured_is_not_valid(bad):
    scored = score_segmentation(batch({**row(probs()), **bad}), EVERY)
    (found,) = scored.to_pylist()
    assert found["n_objects"] == 0
    assert not any(value for name, value in found.items() if name.endswith("_valid"))
    assert all(found[n] is None for n in found if n.startswith("segmentation") and not n.endswith("_valid"))


def test_a_frame_on_which_the_model_did_not_run():
    (found,) = score_segmentation(batch({"frame_id": "f", "scene_id": "s"}), ScoreConfig()).to_pylist()
    assert found["n_objects"] is None
    assert not found["segmentation_entropy_mean_valid"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"kind": "odds"}, "frame 'f': `kind` is 'odds'"),
        ({"dtype": "int32"}, "frame 'f': `dtype` is 'int32'"),
        ({"tensor": None, "tensor_uri": "a.npy"}, "nothing was given to read it"),
    ],
)
def test_what_is_wrong_with_a_column_is_named(more, message):
    with pytest.raises(TableError, match=message):
        score_segmentation(batch({**row(probs()), **more}), ScoreConfig())


# files


def storage_with(tmp_path, tensor):
    np.save(tmp_path / "t.npy", tensor)
    np.savez(tmp_path / "t.npz", probs=tensor)
    np.savez(tmp_path / "two.npz", a=tensor, b=tensor)
    np.save(tmp_path / "pickled.npy", np.array([{"a": 1}], object), allow_pickle=True)
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY")
    return Storage.open(str(tmp_path))


@pytest.mark.parametrize("name", ["t.npy", "t.npz"])
def test_tensors_in_files_score_as_those_in_tables(tmp_path, name):
    tensor = probs().astype(np.float16)
    base = storage_with(tmp_path, tensor)
    for uri in (name, str(tmp_path / name), f"file://{tmp_path}/{name}"):
        rows = batch({"frame_id": "f", "scene_id": "s", "tensor_uri": uri})
        found = score_segmentation(rows, EVERY, load=lambda u: open_tensor(base, u))
        assert found.equals(score_segmentation(batch(row(tensor)), EVERY))


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("no.npy", "cannot be read"),
        ("broken.npy", "cannot be read"),
        ("pickled.npy", "cannot be read"),
        ("two.npz", "holds 2 arrays"),
        ("t.png", "must end in"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_frame(tmp_path, uri, message):
    base = storage_with(tmp_path, probs())
    rows = batch({"frame_id": "f7", "scene_id": "s", "tensor_uri": uri})
    with pytest.raises(TableError, match=rf"frame 'f7': `tensor_uri` '{uri}' {message}"):
        score_segmentation(rows, ScoreConfig(), load=lambda u: open_tensor(base, u))


def test_zarr_arrays_are_read_where_zarr_is(tmp_path):
    zarr = pytest.importorskip("zarr", reason="zarr (extra `zarr`) is not installed")
    tensor = probs().astype(np.float32)
    stored = zarr.create_array(store=str(tmp_path / "t.zarr"), shape=tensor.shape, dtype=tensor.dtype)
    stored[...] = tensor
    assert np.array_equal(open_tensor(Storage.open(str(tmp_path)), "t.zarr"), tensor)


# the loop


def test_the_loop_scores_segmentations_of_tables_and_files(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "ws"
    toy.make_workspace(folder)
    frames = toy.frames_table(toy.scenes_table())
    tensors = [probs(i, (2, 3, 4, 4)).astype(np.float16) for i in range(frames.num_rows)]
    np.save(folder / "first.npy", tensors[0])
    ids = zip(frames["frame_id"].to_pylist(), frames["scene_id"].to_pylist(), tensors, strict=True)
    rows = [{**row(t), "frame_id": f, "scene_id": s} for f, s, t in ids]
    rows[0] |= {"tensor": None, "shape": None, "dtype": None, "tensor_uri": "first.npy"}
    toy.write(folder / "lake/predictions/segmentation/toy_model", batch(*rows))
    monkeypatch.setattr(sys, "argv", ["oddloop", "score", "--workspace", str(folder), "--json"])
    with pytest.raises(SystemExit, match="0"):
        main()
    digest = json.loads(capsys.readouterr().out)["digest"]
    scores = pq.read_table(folder / f"derived/score/{digest}/scene_scores.parquet")
    assert scores["segmentation_bald_mean_max"].null_count == 0
    monkeypatch.setattr(sys, "argv", ["oddloop", "check", "--workspace", str(folder)])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "No faults" in capsys.readouterr().out


SCRIPT = """
import functools, resource, sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from oddloop.config import ScoreConfig
from oddloop.engine.local import LocalEngine
from oddloop.engine.partitions import PartitionJob, map_partitions
from oddloop.lake.scan import partitions
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.score import KERNELS
from oddloop.tables import SEGMENTATION
folder, n = Path(sys.argv[1]), int(sys.argv[2])
shape = (2, 19, 512, 1024)
tensor = np.full(shape, 1 / 19, np.float16)
schema = pa.schema([f for f in SEGMENTATION.schema() if f.name in ("frame_id", "scene_id", "tensor", "shape", "dtype")])
with pq.ParquetWriter(folder / "part.parquet", schema, compression="none", use_dictionary=False) as writer:
    for i in range(n):
        columns = [[f"f{i}"], ["s"], [tensor.tobytes()], [list(shape)], ["float16"]]
        writer.write_table(pa.table(columns, schema=schema))
files = table_files(Storage.open(str(folder)), "predictions/segmentation/m")
kernel = functools.partial(KERNELS["segmentation"], config=ScoreConfig())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
job = PartitionJob(kernel, SEGMENTATION, Storage.open(str(folder / "out")), 1)
print(map_partitions(LocalEngine(1), job, partitions(files, SEGMENTATION)).n_rows)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, tensor.nbytes / 2**20)
"""


def test_a_few_frames_are_held_at_a_time_however_many_there_are(tmp_path):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), "16"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, sizes = done.stdout.splitlines()
    assert int(rows) == 16
    peak, frame = map(float, sizes.split())
    # the one that is measured, with its maps, and what Arrow holds of the page that it reads
    assert peak < 5 * frame
    (tmp_path / "part.parquet").unlink()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_a_frames_row_depends_on_that_frame_only(seed):
    tensors = [probs(seed + i, (1, 2, 3, 3)).astype(np.float32) for i in range(3)]
    rows = [row(t, f"f{i}") for i, t in enumerate(tensors)]
    whole = KERNELS["segmentation"](batch(*rows), EVERY)
    single = pa.concat_tables([KERNELS["segmentation"](batch(r), EVERY) for r in rows])
    assert whole.equals(single)
