"""The exposure cube against counting by hand, by dictionary and by SQL."""

import collections
import itertools

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.config import AttributeConfig
from oddloop.coverage import ALL_SCENES, STATUSES, compute_exposure, encode_attributes, segments
from oddloop.derived_tables import SEGMENTS
from oddloop.errors import TableError

TAXONOMY = {
    "sky": AttributeConfig(values=("clear", "rain")),
    "speed": AttributeConfig(kind="binned", values=("slow", "fast"), edges=(5.0,)),
    "agents": AttributeConfig(kind="multilabel"),
    "road": AttributeConfig(),
}
SCENE = st.fixed_dictionaries(
    {
        "log_id": st.sampled_from(["l1", "l2", "l3", "l4"]),
        "split": st.sampled_from(["pool", "eval", None]),
        "duration_s": st.integers(1, 30).map(float),
        "distance_m": st.none() | st.integers(0, 99).map(float),
        "n_frames": st.none() | st.integers(0, 99),
        "is_labelled": st.booleans(),
        "sky": st.sampled_from(["clear", "rain", "hail", None]),
        "speed": st.sampled_from([1.0, 5.0, 9.0, None]),
        "agents": st.none() | st.lists(st.sampled_from(["car", "bus", "elk"]), max_size=3, unique=True),
        "road": st.sampled_from(["m1", "m2"]),
    }
)
SCHEMA = pa.schema(
    [
        ("scene_id", pa.string()),
        ("log_id", pa.string()),
        ("split", pa.string()),
        ("duration_s", pa.float64()),
        ("distance_m", pa.float64()),
        ("n_frames", pa.int64()),
        ("sky", pa.string()),
        ("speed", pa.float64()),
        ("agents", pa.list_(pa.string())),
        ("road", pa.string()),
    ]
)
SUMS = ["n_scenes", "n_frames", "duration_s", "distance_m"]


def expose(rows, max_way=2, first=0):
    scenes = pa.Table.from_pylist([{"scene_id": f"s{first + i}", **row} for i, row in enumerate(rows)], SCHEMA)
    labelled = pa.array([f"s{first + i}" for i, row in enumerate(rows) if row["is_labelled"]], pa.string())
    return compute_exposure(scenes, labelled, encode_attributes(scenes, TAXONOMY), max_way)


def count_naively(rows, max_way):
    """One scene after the other, one conjunction after the other."""
    cells = collections.defaultdict(lambda: {"n_scenes": 0, "n_frames": 0, "duration_s": 0, "distance_m": 0})
    logs = collections.defaultdict(set)
    for row in rows:
        status = "eval" if row["split"] == "eval" else "labelled" if row["is_labelled"] else "unlabelled"
        agents = ["unknown"] if row["agents"] is None else row["agents"] or ["none"]
        values = {
            "sky": [row["sky"] if row["sky"] in ("clear", "rain") else "unknown"],
            "speed": ["unknown" if row["speed"] is None else "slow" if row["speed"] <= 5 else "fast"],
            "agents": agents,
            "road": [row["road"]],
        }
        for way in range(max_way + 1):
            for attributes in itertools.combinations(TAXONOMY, way):
                for chosen in itertools.product(*(values[a] for a in attributes)):
                    name = " & ".join(f"{a}={v}" for a, v in zip(attributes, chosen, strict=True)) or ALL_SCENES
                    cell = cells[name, status]
                    cell["n_scenes"] += 1
                    for column in SUMS[1:]:
                        cell[column] += row[column] or 0
                    logs[name, status].add(row["log_id"])
    return {key: {**cell, "n_logs": len(logs[key])} for key, cell in cells.items()}


def as_cells(table):
    """Non-empty rows of the cube, by segment and status."""
    columns = [*SUMS, "n_logs"]
    rows = table.select(["segment_id", "status", *columns]).to_pylist()
    return {(r["segment_id"], r["status"]): {c: r[c] for c in columns} for r in rows if r["n_scenes"]}


def test_worked_numbers():
    # GIVEN three scenes of two logs: one labelled, one not, one held out
    common = {"speed": 9.0, "road": "m1", "n_frames": 10, "distance_m": None}
    rows = [
        {**common, "log_id": "a", "split": None, "duration_s": 8.0, "is_labelled": True, "sky": "rain", "agents": []},
        {
            **common,
            "log_id": "a",
            "split": "pool",
            "duration_s": 9.0,
            "is_labelled": False,
            "sky": None,
            "agents": None,
        },
        {
            **common,
            "log_id": "b",
            "split": "eval",
            "duration_s": 20.0,
            "is_labelled": True,
            "sky": "rain",
            "agents": [],
        },
    ]
    found = {(r["segment_id"], r["status"]): r for r in expose(rows).to_pylist()}
    # THEN every segment is there for each status, and a 0 is a true 0
    assert {key: (r["n_scenes"], r["n_logs"], r["duration_s"]) for key, r in found.items() if key[0] == "sky=rain"} == {
        ("sky=rain", "labelled"): (1, 1, 8.0),
        ("sky=rain", "unlabelled"): (0, 0, 0.0),
        ("sky=rain", "eval"): (1, 1, 20.0),
    }
    assert found["all", "unlabelled"]["n_frames"] == 10
    assert found["all", "eval"]["distance_m"] == 0.0
    pair = found["sky=unknown & agents=unknown", "unlabelled"]
    assert (pair["n_way"], pair["attributes"], pair["values"]) == (2, ["sky", "agents"], ["unknown", "unknown"])
    # AND a segment that no scene is in is not
    assert not [key for key in found if "clear" in key[0]]


@pytest.mark.parametrize("is_dense", [True, False])
@pytest.mark.parametrize("max_way", [0, 1, 2, 4])
@settings(max_examples=30)
@given(rows=st.lists(SCENE, max_size=25))
def test_agrees_with_counting_one_by_one(is_dense, max_way, rows):
    with pytest.MonkeyPatch.context() as patch:
        if not is_dense:
            patch.setattr(segments, "_DENSE", -1)
        table = expose(rows, max_way)
    assert as_cells(table) == count_naively(rows, max_way)
    assert table.schema.equals(SEGMENTS.schema())
    assert table.num_rows == len(STATUSES) * len(set(table["segment_id"].to_pylist()))


@settings(max_examples=30)
@given(st.lists(SCENE, max_size=20), st.lists(SCENE, max_size=20))
def test_shards_add_up(one, two):
    both = as_cells(expose(one + two))
    parts = [as_cells(expose(one)), as_cells(expose(two, first=len(one)))]
    summed = {
        key: {c: sum(p[key][c] for p in parts if key in p) for c in SUMS} for key in parts[0].keys() | parts[1].keys()
    }
    assert {key: {c: cell[c] for c in SUMS} for key, cell in both.items()} == summed


@settings(max_examples=30)
@given(st.lists(SCENE, min_size=1, max_size=25))
def test_single_valued_attributes_part_the_total(rows):
    table = expose(rows)
    cells = as_cells(table)
    for attributes in [("sky",), ("road",), ("sky", "speed"), ("speed", "road")]:
        own = [r for r in table.to_pylist() if tuple(r["attributes"]) == attributes]
        for status in STATUSES:
            parts = sum(r["n_scenes"] for r in own if r["status"] == status)
            assert parts == cells.get((ALL_SCENES, status), {"n_scenes": 0})["n_scenes"]
    # agents may be several at once
    own = [r for r in table.to_pylist() if r["attributes"] == ["agents"]]
    assert sum(r["n_scenes"] for r in own) >= len(rows)


@settings(max_examples=30)
@given(st.lists(SCENE, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_scenes_does_not_matter(rows, random):
    assert expose(rows).equals(expose(random.sample(rows, len(rows))))


def test_agrees_with_sql():
    rng = np.random.default_rng(0)
    n = 5_000
    scenes = pa.table(
        {
            "scene_id": [f"s{i}" for i in range(n)],
            "log_id": [f"l{i}" for i in rng.integers(0, 300, n)],
            "split": rng.choice(["pool", "eval"], n).tolist(),
            "duration_s": rng.integers(5, 30, n).astype(float),
            "n_frames": rng.integers(5, 30, n),
            "sky": rng.choice(["clear", "rain", "fog"], n).tolist(),
            "speed": rng.uniform(0, 10, n),
            "road": rng.choice(["m1", "m2", "m3"], n).tolist(),
        }
    )
    taxonomy = {name: TAXONOMY[name] for name in ("speed", "road")}
    labelled = pa.array([f"s{i}" for i in range(0, n, 3)])
    found = compute_exposure(scenes, labelled, encode_attributes(scenes, taxonomy), 2)
    with duckdb.connect() as connection:
        connection.register("scenes", scenes)
        expected = connection.execute("""
            SELECT 'speed=' || speed || ' & road=' || road AS id, status, count(*), count(DISTINCT log_id),
                   sum(n_frames), sum(duration_s)
            FROM (SELECT * REPLACE (CASE WHEN speed <= 5 THEN 'slow' ELSE 'fast' END AS speed),
                         CASE WHEN split = 'eval' THEN 'eval' WHEN scene_id[2:]::int % 3 = 0 THEN 'labelled'
                              ELSE 'unlabelled' END AS status FROM scenes)
            GROUP BY ALL""").fetchall()
    columns = ["segment_id", "status", "n_scenes", "n_logs", "n_frames", "duration_s"]
    pairs = found.filter(pa.compute.equal(found["n_way"], 2)).select(columns).to_pylist()
    assert sorted(tuple(row.values()) for row in pairs) == sorted(expected)


def test_only_the_ids_and_the_duration_must_be_there():
    scenes = pa.table({"scene_id": ["a"], "log_id": ["l"], "duration_s": [8.0]})
    row = compute_exposure(scenes, pa.array([]), encode_attributes(scenes, {}), 2).to_pylist()[1]
    assert (row["status"], row["n_frames"], row["distance_m"], row["duration_s"]) == ("unlabelled", 0, 0.0, 8.0)


def test_segment_ids_are_unique_whatever_the_values_hold():
    scenes = pa.table(
        {
            "scene_id": list("abcd"),
            "log_id": ["l"] * 4,
            "duration_s": [1.0] * 4,
            "p": ["x & q=y", "x", "&", "x &"],
            "q": ["z", "y", "z", "q=y"],
        }
    )
    table = compute_exposure(
        scenes, pa.array([]), encode_attributes(scenes, {"p": AttributeConfig(), "q": AttributeConfig()}), 2
    )
    ids = table["segment_id"].to_pylist()
    keys = [
        (i, tuple(a), tuple(v))
        for i, a, v in zip(*(table[c].to_pylist() for c in ("segment_id", "attributes", "values")), strict=True)
    ]
    assert len(set(ids)) == len(set(keys))
    assert "p=x && q=y" in ids
    assert "p=x & q=y" in ids


def test_many_values_do_not_need_a_dense_cube():
    """A pair of attributes with a value per scene has 10¹⁰ cells, of which 10⁵ occur."""
    n = 100_000
    ids = [f"s{i:06d}" for i in range(n)]
    scenes = pa.table({"scene_id": ids, "log_id": ids, "duration_s": np.ones(n), "p": ids, "q": ids})
    encoded = encode_attributes(scenes, {"p": AttributeConfig(), "q": AttributeConfig()})
    table = compute_exposure(scenes, pa.array(ids), encoded, 2)
    assert table.num_rows == 3 * (1 + 3 * n)
    assert table["n_logs"].to_numpy().max() == n


def test_faults_are_named():
    scenes = pa.table({"scene_id": ["a"], "log_id": pa.array([None], pa.string()), "duration_s": [8.0]})
    encoded = encode_attributes(scenes, {})
    with pytest.raises(TableError, match="scenes: `log_id` is null in 1 rows; run `oddloop check`"):
        compute_exposure(scenes, pa.array([]), encoded, 1)
    with pytest.raises(TableError, match="scenes: column `log_id` is missing; there are: scene_id, duration_s"):
        compute_exposure(scenes.drop_columns("log_id"), pa.array([]), encoded, 1)
    with pytest.raises(ValueError, match="encoded holds 1 scenes, the table 0"):
        compute_exposure(scenes.slice(1), pa.array([]), encoded, 1)
