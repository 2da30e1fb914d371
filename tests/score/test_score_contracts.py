"""What every kernel promises: pure, the same rows for any cut into batches, and never a NaN in a valid score."""

import doctest
import importlib
import math
import pickle
import pkgutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oddloop.score
from oddloop.config import DetectionConfig, ScoreConfig
from oddloop.derived_tables import FRAME_SCORES
from oddloop.errors import TableError
from oddloop.score import KERNELS, score_columns
from oddloop.score.boxes import OBJECT_MEASURES
from oddloop.tables import TASKS

NUMBERS = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, -0.5, 2.0, float("nan"), float("inf"), 1e38]) | st.none()
RAGGED = st.lists(NUMBERS, max_size=3) | st.sampled_from([[0.5, 0.5], [0.2, 0.3, 0.5], [1.0], None])
SIDES = [
    # whole, alike and apart; none; without width, turned round, incomplete, not finite, huge
    *((0, 0, 10, 10), (0, 0, 10, 8), (1, 0, 11, 10), (50, 0, 60, 90), (None,) * 4),
    *(
        (0, 0, 0, 10),
        (10, 0, 0, 10),
        (0, None, 10, 10),
        (0, 0, math.inf, 10),
        (math.nan, 0, 9, 9),
        (-1e38, -1e38, 1e38, 1e38),
    ),
]
BOXES = st.builds(
    lambda box, sides: box | dict(zip(("x_min_px", "y_min_px", "x_max_px", "y_max_px"), sides, strict=True)),
    st.fixed_dictionaries(
        {
            "score": NUMBERS.map(lambda x: 0.5 if x is None else x),
            "label": st.sampled_from("ab"),
            "probs": RAGGED,
            "logits": RAGGED,
            "member": st.sampled_from([None, 0, 1, 2, -1]),
        }
    ),
    st.sampled_from(SIDES[:3]) | st.sampled_from(SIDES),
)
POINTS = st.tuples(NUMBERS, NUMBERS).map(list) | st.none()
ROWS = {
    "classification": st.fixed_dictionaries({"probs": st.lists(RAGGED, max_size=3) | st.none()}),
    "detection": st.fixed_dictionaries(
        {"boxes": st.lists(BOXES, max_size=4) | st.none(), "n_members": st.sampled_from([None, None, 1, 2, 3, 0, -1])}
    ),
    "trajectory": st.fixed_dictionaries(
        {
            "mode_probs": st.lists(RAGGED, max_size=2) | st.none(),
            "modes": st.lists(st.lists(st.lists(POINTS, max_size=2) | st.none(), max_size=2), max_size=2) | st.none(),
        }
    ),
    "segmentation": st.fixed_dictionaries(
        {
            "tensor": st.sampled_from([None, b"", b"\x00" * 8, b"\x80" * 8, b"\x01\x02" * 4]),
            "shape": st.sampled_from([None, [2, 2, 2], [2, 1, 4], [8], [0, 2, 2]]),
            "dtype": st.sampled_from(["uint8", "float16", "float64"]),
            "kind": st.sampled_from([None, "probs", "logits"]),
            "scale": NUMBERS,
            "zero_point": NUMBERS,
        }
    ),
    "risk": st.fixed_dictionaries({"collision_prob": NUMBERS, "criticality": NUMBERS}),
    "planning": st.fixed_dictionaries(
        {"candidates": st.lists(st.lists(POINTS, max_size=2) | st.none(), max_size=3) | st.none(), "weights": RAGGED}
    ),
}
PER_FRAME = {"trajectory": 2, "risk": 2}
"""Rows of a frame; one where nothing else is said."""
CONFIG = ScoreConfig(top_k=2, labels=("a",))
CONFIGS = {
    "plain": CONFIG,
    "objects": ScoreConfig(
        top_k=2, labels=("a",), detection=DetectionConfig(measures=OBJECT_MEASURES, class_difficulty={"b": 0.5})
    ),
}


def own_columns(task):
    """All declared columns but logits, which have tests of their own."""
    return [column.name for column in TASKS[task].columns if column.name != "logits"]


def batch_of(task, rows, per_frame=1):
    columns = {
        "frame_id": [f"f{i // per_frame:03d}" for i in range(len(rows))],
        "scene_id": [f"s{i // 4}" for i in range(len(rows))],
        "agent_id": [str(i) for i in range(len(rows))],
    }
    schema = TASKS[task].empty().select(own_columns(task)).schema
    own = [name for name in schema.names if name not in columns]
    columns |= {name: [row.get(name) for row in rows] for name in own}
    return pa.table({name: columns[name] for name in schema.names}, schema)


@pytest.fixture(params=list(KERNELS))
def task(request):
    return request.param


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS.keys())
def config(request):
    return request.param


def good_batch(task, n_rows=40):
    rng = np.random.default_rng(0)
    if task == "classification":
        rows = [{"probs": rng.dirichlet(np.ones(9), 3).tolist()} for _ in range(n_rows)]
    elif task == "detection":
        rows = [
            {
                "boxes": [good_box(rng, i % 2 * j) for j in range(int(rng.integers(5)))],
                "n_members": 4 if i % 2 else None,
            }
            for i in range(n_rows)
        ]
    elif task == "segmentation":
        made = (rng.dirichlet(np.ones(3), (2, 4, 5)).transpose(0, 3, 1, 2).astype(np.float32) for _ in range(n_rows))
        rows = [{"tensor": t.tobytes(), "shape": list(t.shape), "dtype": "float32"} for t in made]
    elif task == "risk":
        rows = [{"collision_prob": float(p), "criticality": float(p) * 9} for p in rng.random(n_rows)]
    elif task == "planning":
        shares = [rng.dirichlet(np.ones(3)).tolist() if i % 2 else None for i in range(n_rows)]
        rows = [{"candidates": rng.normal(size=(3, 4, 2)).tolist(), "weights": share} for share in shares]
    else:
        rows = [
            {"mode_probs": rng.dirichlet(np.ones(3), 2).tolist(), "modes": rng.normal(size=(2, 3, 4, 2)).tolist()}
            for _ in range(n_rows)
        ]
    return batch_of(task, rows, per_frame=PER_FRAME.get(task, 1))


def good_box(rng, member):
    x, y = rng.integers(0, 3, 2)
    sides = {"x_min_px": x, "y_min_px": y, "x_max_px": x + 20, "y_max_px": y + 20}
    return {"score": float(rng.random()), "label": "a", "member": member, **sides}


def test_there_is_a_kernel_for_every_task():
    assert list(KERNELS) == list(TASKS)


def test_declared_columns_then_scores_with_twins(task, config):
    found = KERNELS[task](good_batch(task), config)
    assert found.column_names[:3] == [c.name for c in FRAME_SCORES.columns]
    assert [found.schema.field(c.name).type for c in FRAME_SCORES.columns] == [c.type for c in FRAME_SCORES.columns]
    scores = score_columns(found)
    assert found.column_names[3:] == [name + twin for name in scores for twin in ("", "_valid")]
    assert all(name.startswith(f"{task}_") for name in scores)
    assert {found.schema.field(name).type for name in scores} == {pa.float64()}
    assert all(found[f"{name}_valid"].to_pylist() == [True] * found.num_rows for name in scores)


@pytest.mark.parametrize("task", list(KERNELS))
@given(data=st.data())
def test_any_cut_into_batches_gives_the_same_rows(task, data):
    config = data.draw(st.sampled_from(list(CONFIGS.values())))
    rows = data.draw(st.lists(ROWS[task], min_size=1, max_size=10))
    per_frame = PER_FRAME.get(task, 1)
    batch = batch_of(task, rows, per_frame)
    n_frames = -(-len(rows) // per_frame)
    cut = data.draw(st.integers(0, n_frames)) * per_frame
    parts = [KERNELS[task](part, config) for part in (batch.slice(0, cut), batch.slice(cut))]
    assert pa.concat_tables(parts).combine_chunks().equals(KERNELS[task](batch, config).combine_chunks())


def test_single_rows_and_many_agree_to_the_last_bit(task, config):
    batch = good_batch(task, 200)
    step = PER_FRAME.get(task, 1)
    parts = [KERNELS[task](batch.slice(i, step), config) for i in range(0, 200, step)]
    assert pa.concat_tables(parts).combine_chunks().equals(KERNELS[task](batch, config).combine_chunks())


@pytest.mark.parametrize("task", list(KERNELS))
@given(data=st.data())
def test_malformed_input_is_not_valid_and_never_nan(task, data):
    config = data.draw(st.sampled_from(list(CONFIGS.values())))
    rows = data.draw(st.lists(ROWS[task], max_size=6))
    found = KERNELS[task](batch_of(task, rows), config)
    for name in score_columns(found):
        valid = found[f"{name}_valid"].to_numpy()
        assert found[name].is_valid().to_numpy().tolist() == valid.tolist()
        assert np.isfinite(found[name].drop_null().to_numpy()).all()
        assert "criticality" in name or (found[name].drop_null().to_numpy() >= 0).all()


def test_input_is_not_changed(task, config):
    batch, twin = good_batch(task), good_batch(task)
    KERNELS[task](batch, config)
    assert batch.equals(twin)


def test_neither_column_order_nor_other_columns_matter(task, config):
    batch = good_batch(task)
    other = batch.select(batch.column_names[::-1]).append_column("note", [["x"] * batch.num_rows])
    assert KERNELS[task](other, config).equals(KERNELS[task](batch, config))


def test_chunks_slices_and_large_lists_do_not_matter(task, config):
    batch = good_batch(task)
    expected = KERNELS[task](batch, config)
    chunked = pa.concat_tables([batch.slice(0, 7), batch.slice(7, 0), batch.slice(7)])
    padded = pa.concat_tables([batch, batch]).combine_chunks().slice(batch.num_rows)
    for same in (chunked, padded, batch.cast(large(batch.schema))):
        assert KERNELS[task](same, config).equals(expected)


def large(schema):
    """The same schema with every outer list a large list, and doubles in place of floats."""
    return pa.schema(
        [pa.field(f.name, pa.large_list(f.type.value_type) if pa.types.is_list(f.type) else f.type) for f in schema]
    )


def test_no_rows(task, config):
    spec = TASKS[task]
    found = KERNELS[task](spec.empty().select(own_columns(task)), config)
    assert found.num_rows == 0
    assert found.schema.equals(KERNELS[task](good_batch(task), config).schema)


@pytest.mark.parametrize("width", [pa.float16(), pa.float64()])
def test_other_float_widths(width):
    probs = [[[0.5, 0.5]], [[0.25, 0.75]]]
    numbers = [[np.array(m, width.to_pandas_dtype()) for m in row] for row in probs]
    batch = pa.table(
        {"frame_id": ["a", "b"], "scene_id": ["s", "s"], "probs": pa.array(numbers, pa.list_(pa.list_(width)))}
    )
    expected = KERNELS["classification"](batch_of("classification", [{"probs": p} for p in probs]), CONFIG)
    found = KERNELS["classification"](batch, CONFIG)
    assert found["classification_entropy"].equals(expected["classification_entropy"])


def test_a_missing_column_and_a_wrong_type_are_named(task, config):
    batch = good_batch(task)
    named = {"planning": "candidates", "risk": "collision_prob", "segmentation": "tensor"}
    name = named.get(task, batch.column_names[-1])
    others = {"risk": ["criticality"], "segmentation": ["tensor_uri"]}.get(task, [])
    with pytest.raises(TableError, match=f"column `{name}` is missing"):
        KERNELS[task](batch.drop_columns([name, *others]), config)
    wrong = batch.set_column(batch.column_names.index(name), name, [["x"] * batch.num_rows])
    what = {"risk": "hold numbers", "segmentation": "hold bytes"}.get(task, "be a list")
    with pytest.raises(TableError, match=rf"`{name}` must {what}; got string; run `oddloop check`"):
        KERNELS[task](wrong, config)


def test_kernels_and_their_settings_pickle(task, config):
    kernel, copy = pickle.loads(pickle.dumps((KERNELS[task], config)))
    assert kernel(good_batch(task), copy).equals(KERNELS[task](good_batch(task), config))


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(oddloop.score.__path__)])
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"oddloop.score.{name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
