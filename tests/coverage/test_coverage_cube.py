"""The cube against counting one by one, and that it adds up: any shards, any order, to the last bit."""

import collections
import itertools
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.config import AttributeConfig
from oddloop.coverage import STATUSES, build_cube, encode_attributes, list_segments, read_cube, write_cube
from oddloop.coverage.cube import counting
from oddloop.coverage.cube.cells import gather
from oddloop.errors import TableError

TAXONOMY = {
    "sky": AttributeConfig(values=("clear", "rain")),
    "speed": AttributeConfig(kind="binned", values=("slow", "fast"), edges=(5.0,)),
    "agents": AttributeConfig(kind="multilabel", values=("car", "bus", "elk")),
    "road": AttributeConfig(values=("m1", "m2", "b"), parents={"m1": "m2"}),
}
FIELDS = {
    "log_id": pa.string(),
    "split": pa.string(),
    "duration_s": pa.float64(),
    "distance_m": pa.float64(),
    "n_frames": pa.int64(),
    "n_objects_car": pa.int32(),
    "missed": pa.float64(),
    "sky": pa.string(),
    "speed": pa.float64(),
    "agents": pa.list_(pa.string()),
    "road": pa.string(),
}
SCENE = st.fixed_dictionaries(
    {
        "log_id": st.sampled_from(["l1", "l2", "l3", "l4", "l5"]),
        "split": st.sampled_from(["pool", "eval", None]),
        "duration_s": st.floats(0.01, 30),
        "distance_m": st.none() | st.floats(0, 1e6),
        "n_frames": st.none() | st.integers(0, 99),
        "n_objects_car": st.none() | st.integers(0, 9),
        "missed": st.floats(-9, 9) | st.just(float("nan")),
        "is_labelled": st.booleans(),
        "sky": st.sampled_from(["clear", "rain", "hail", None]),
        "speed": st.sampled_from([1.0, 5.0, 9.0, None]),
        "agents": st.none() | st.lists(st.sampled_from(["car", "bus", "elk"]), max_size=3, unique=True),
        "road": st.sampled_from(["m1", "m2", "b"]),
    }
)
SCENES = st.lists(SCENE, max_size=25)
MEASURES = ("n_frames", "duration_s", "distance_m", "n_objects_car", "missed")


def cube_of(rows, max_way=3, taxonomy=TAXONOMY):
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in FIELDS.items()}
    ids = [f"s{row.get('id', i)}" for i, row in enumerate(rows)]
    scenes = pa.table({"scene_id": pa.array(ids, pa.string()), **columns})
    labelled = pa.array([i for i, row in zip(ids, rows, strict=True) if row["is_labelled"]], pa.string())
    missed = np.array([row["missed"] for row in rows], np.float64)
    return build_cube(scenes, labelled, encode_attributes(scenes, taxonomy), max_way, {"missed": missed})


def values_of(row):
    road = {"m1": ["m1", "m2"]}.get(row["road"], [row["road"]])
    agents = ["unknown"] if row["agents"] is None else row["agents"] or ["none"]
    return {
        "sky": [row["sky"] if row["sky"] in ("clear", "rain") else "unknown"],
        "speed": ["unknown" if row["speed"] is None else "slow" if row["speed"] <= 5 else "fast"],
        "agents": agents,
        "road": road,
    }


def count_naively(rows, max_way=3):
    """One scene after the other, one conjunction after the other, in whole steps."""
    cells = collections.defaultdict(lambda: [0, set(), *[0] * len(MEASURES)])
    for row in rows:
        status = "eval" if row["split"] == "eval" else "labelled" if row["is_labelled"] else "unlabelled"
        values = values_of(row)
        for way in range(max_way + 1):
            for attributes in itertools.combinations(TAXONOMY, way):
                for chosen in itertools.product(*(values[a] for a in attributes)):
                    cell = cells[attributes, chosen, status]
                    cell[0] += 1
                    cell[1].add(row["log_id"])
                    for place, name in enumerate(MEASURES):
                        step = 1 if name.startswith("n_") else 2.0**-20
                        amount = row[name] if row[name] == row[name] else None
                        cell[2 + place] += round((amount or 0) / step)
    return {key: (cell[0], len(cell[1]), *cell[2:]) for key, cell in cells.items()}


def as_cells(cube):
    """The cube's cells by names, sums in whole steps."""
    found = {}
    for chosen, codes, rows in cube.conjunctions():
        names = tuple(cube.axes[place].name for place in chosen)
        for row, code in zip(range(rows.start, rows.stop), codes, strict=True):
            values = tuple(cube.axes[place].values[c] for place, c in zip(chosen, code, strict=True))
            for s, status in enumerate(STATUSES):
                if cube.n_scenes[row, s]:
                    counts = [cube.measure(m)[row, s] for m in ("n_scenes", "n_logs", *cube.measures)]
                    steps = (1, 1, *cube.steps)
                    found[names, values, status] = tuple(round(c / step) for c, step in zip(counts, steps, strict=True))
    return found


def assert_same(one, two):
    for name in ("axes", "max_way", "measures", "steps"):
        assert getattr(one, name) == getattr(two, name)
    assert one.log_ids.equals(two.log_ids)
    for name in ("sets", "numbers", "n_scenes", "n_logs", "sums"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


@pytest.mark.parametrize("way", ["compiled", "sparse", "without numba"])
@settings(max_examples=25, deadline=None)
@given(rows=SCENES)
def test_agrees_with_counting_one_by_one(way, rows):
    with pytest.MonkeyPatch.context() as patch:
        if way == "sparse":
            patch.setattr(counting, "_MOST_CELLS", 40)
        if way == "without numba":
            patch.setattr(counting, "import_loops", lambda _name: None)
        found = as_cells(cube_of(rows))
    assert found == count_naively(rows)


def test_without_numba_is_really_without(monkeypatch):
    monkeypatch.setattr(counting, "import_loops", lambda _name: None)
    monkeypatch.setattr(counting, "_count_some", None)
    assert len(cube_of([]).n_scenes) == 0
    assert counting.import_loops("oddloop.coverage.cube.kernels") is None


def test_the_compiled_loops_are_there():
    from oddloop.compiled import import_loops

    assert import_loops("oddloop.coverage.cube.kernels") is not None


def shards_of(rows, n_shards, rng):
    """Parts of the scenes with each log in one part."""
    part = {log: rng.randrange(n_shards) for log in sorted({row["log_id"] for row in rows})}
    return [[row for row in rows if part[row["log_id"]] == shard] for shard in range(n_shards)]


@settings(max_examples=40, deadline=None)
@given(SCENES, st.integers(1, 5), st.randoms(use_true_random=False))
def test_shards_add_up_in_any_order_to_the_last_bit(rows, n_shards, rng):
    rows = [{**row, "id": i} for i, row in enumerate(rows)]
    whole = cube_of(rows)
    cubes = [cube_of(shard) for shard in shards_of(rows, n_shards, rng)]
    for _ in range(3):
        rng.shuffle(cubes)
        left = cubes[0]
        for cube in cubes[1:]:
            left = left + cube
        right = cubes[-1]
        for cube in cubes[-2::-1]:
            right = cube + right
        assert_same(left, whole)
        assert_same(right, whole)


def test_sums_that_floats_would_round_add_up_exactly():
    """0.1 + 0.2 + 0.3 is another float than 0.3 + 0.2 + 0.1; in steps of 2^-20 both are the same."""
    row = {**dict.fromkeys(FIELDS), "missed": 0.0, "is_labelled": True, "road": "b"}
    durations = [0.1, 0.2, 0.3, 1e6, 1e-3]
    cubes = [cube_of([{**row, "log_id": f"l{i}", "duration_s": d}]) for i, d in enumerate(durations)]
    sums = {sum(order[1:], order[0]).dense([], "duration_s")[0] for order in itertools.permutations(cubes)}
    assert len(sums) == 1
    assert sums.pop() == pytest.approx(sum(durations), abs=5 * 2.0**-21)


@settings(max_examples=30, deadline=None)
@given(SCENES, SCENES)
def test_what_was_added_can_be_taken_away(one, two):
    two = [{**row, "log_id": f"other {row['log_id']}"} for row in two]
    assert_same(cube_of(one) + cube_of(two) - cube_of(two), cube_of(one))


@settings(max_examples=30, deadline=None)
@given(SCENES, SCENES, st.booleans())
def test_scenes_arrive_of_known_logs_and_get_labels(known, arrived, is_labelled):
    cube = cube_of(known)
    changed = {row["log_id"] for row in arrived}
    before = [row for row in known if row["log_id"] in changed]
    after = [{**row, "is_labelled": is_labelled} for row in (*before, *arrived)]
    untouched = [row for row in known if row["log_id"] not in changed]
    assert_same(cube.exchange(cube_of(before), cube_of(after)), cube_of(untouched + after))


@settings(max_examples=20, deadline=None)
@given(SCENES)
def test_tables_give_the_cube_back(rows):
    cube = cube_of(rows)
    assert_same(read_cube(write_cube(cube)), cube)


@settings(max_examples=20, deadline=None)
@given(SCENES, st.permutations(["sky", "agents", "road"]))
def test_dense_arrays_hold_every_combination(rows, attributes):
    cube = cube_of(rows)
    counts = cube.dense(attributes, "n_scenes")
    naive = count_naively(rows)
    for place in itertools.product(*(range(n) for n in counts.shape)):
        *codes, status = place
        by_name = {
            a: next(x for x in cube.axes if x.name == a).values[c] for a, c in zip(attributes, codes, strict=True)
        }
        names = tuple(a for a in TAXONOMY if a in attributes)
        key = names, tuple(by_name[a] for a in names), STATUSES[status]
        assert counts[place] == naive.get(key, (0,))[0]


def fleet(n=400, seed=0):
    rng = random.Random(seed)
    return [
        {
            "log_id": f"l{rng.randrange(20)}",
            "split": rng.choice(["pool", "eval"]),
            "duration_s": rng.uniform(5, 20),
            "distance_m": rng.uniform(0, 99),
            "n_frames": 10,
            "n_objects_car": rng.randrange(5),
            "missed": rng.random(),
            "is_labelled": rng.random() < 0.3,
            "sky": rng.choice(["clear", "rain"]),
            "speed": rng.uniform(0, 9),
            "agents": rng.choice([["car"], ["car", "bus"], []]),
            "road": rng.choice(["m1", "m2", "b"]),
        }
        for _ in range(n)
    ]


def test_the_order_of_scenes_does_not_matter():
    rows = [{**row, "id": i} for i, row in enumerate(fleet())]
    assert_same(cube_of(rows), cube_of(random.Random(1).sample(rows, len(rows))))


def test_three_way_segments_of_few_scenes_are_counted_but_not_listed():
    cube = cube_of(fleet())
    every, some = list_segments(cube), list_segments(cube, min_scenes=30)
    total = collections.Counter()
    for row in every.to_pylist():
        total[row["segment_id"]] += row["n_scenes"]
    expected = [row for row in every.to_pylist() if row["n_way"] < 3 or total[row["segment_id"]] >= 30]
    assert some.to_pylist() == expected
    assert 0 < some.num_rows < every.num_rows
    assert some.schema.field("n_objects_car").type == pa.int64()


def test_inputs_stay_as_they_were_and_results_are_their_own():
    one, two = cube_of(fleet(seed=1)), cube_of([{**r, "log_id": "x"} for r in fleet(seed=2)])
    before = one.sums.copy(), two.sums.copy()
    both = one + two
    both.sums[:] = -1
    assert np.array_equal(one.sums, before[0])
    assert np.array_equal(two.sums, before[1])
    with pytest.raises(AttributeError):
        one.max_way = 2


class TestRefusals:
    def test_a_log_in_both(self):
        rows = fleet(30)
        with pytest.raises(TableError, match=r"such as `l\d+`, are in both, so distinct logs do not add up"):
            cube_of(rows) + cube_of(rows)

    def test_another_taxonomy(self):
        other = {**TAXONOMY, "sky": AttributeConfig(values=("clear", "snow"))}
        with pytest.raises(TableError, match="their axes differ"):
            cube_of(fleet(9)) + cube_of([], taxonomy=other)
        with pytest.raises(TableError, match="their max_way differ: 3 and 2"):
            cube_of([]) - cube_of([], max_way=2)

    def test_taking_away_what_is_not_there(self):
        rows = fleet(30)
        with pytest.raises(TableError, match="holds log `x`, which the cube lacks; build the cube again"):
            cube_of(rows) - cube_of([{**rows[0], "log_id": "x"}])
        with pytest.raises(TableError, match="holds scenes of its logs, which the cube lacks"):
            cube_of(rows) - cube_of(rows * 2)

    @pytest.mark.parametrize("amount", [1e300, float("inf"), 9e9])
    def test_sums_that_would_not_be_exact(self, amount):
        """2^53 steps of 2^-20 s are 8,589,934,592 s."""
        row = {**fleet(1)[0], "duration_s": amount}
        with pytest.raises(TableError, match=r"scenes: `duration_s` sums up to \S+, but can be counted exactly only"):
            cube_of([row])

    def test_unknown_names(self):
        cube = cube_of(fleet(9))
        with pytest.raises(TableError, match=r"no conjunctions of \['moon'\]; name up to 3 different ones of"):
            cube.dense(["moon"])
        with pytest.raises(TableError, match="no conjunctions of"):
            cube.dense(["sky", "sky"])
        with pytest.raises(TableError, match="cube: no measure `cost`; there are: n_scenes, n_logs, n_frames"):
            cube.dense(["sky"], "cost")

    def test_tables_that_are_no_cube(self):
        tables = write_cube(cube_of(fleet(9)))
        tables["cells"] = tables["cells"].replace_schema_metadata(None)
        with pytest.raises(TableError, match="cells: format None, this oddloop reads cubes of format 1"):
            read_cube(tables)

    def test_errors_of_another_number_of_scenes(self):
        scenes = pa.table({"scene_id": ["a"], "log_id": ["l"], "duration_s": [1.0]})
        with pytest.raises(ValueError, match="errors: `missed` holds 2 numbers for 1 scenes"):
            build_cube(scenes, pa.array([]), encode_attributes(scenes, {}), 1, {"missed": [1.0, 2.0]})


def test_many_measures_at_once():
    """Eleven measures take three passes of four, the number of scenes included."""
    n = 50
    rng = np.random.default_rng(0)
    scenes = pa.table(
        {
            "scene_id": [f"s{i}" for i in range(n)],
            "log_id": [f"l{i % 7}" for i in range(n)],
            "duration_s": np.ones(n),
            "sky": rng.choice(["clear", "rain"], n).tolist(),
            **{f"n_objects_{i:02d}": rng.integers(0, 9, n) for i in range(8)},
        }
    )
    cube = build_cube(scenes, pa.array([]), encode_attributes(scenes, {"sky": TAXONOMY["sky"]}), 1)
    is_rain = np.array(scenes["sky"].to_pylist()) == "rain"
    for i in range(8):
        column = f"n_objects_{i:02d}"
        assert cube.dense(["sky"], column)[1, 1] == scenes[column].to_numpy()[is_rain].sum()
    assert cube.dense(["sky"], "n_logs")[1, 1] == len({i % 7 for i in np.flatnonzero(is_rain)})


def test_gather_puts_logs_together_only_where_they_are_not():
    scenes = pa.table({"sky": ["clear", "rain", "clear"]})
    encoded = encode_attributes(scenes, {"sky": TAXONOMY["sky"]})
    assert gather(encoded, np.array([3, 3, 1])).encoded is encoded
    mixed = gather(encoded, np.array([3, 1, 3]), amounts=np.array([[0.0], [1.0], [2.0]]))
    assert mixed.amounts.ravel().tolist() == [1.0, 0.0, 2.0]
    assert mixed.encoded.attributes[0].codes.tolist() == [1, 0, 0]
