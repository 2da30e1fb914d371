"""Unnesting Arrow lists: slices, nulls, fixed sizes, no copies."""

import numpy as np
import pyarrow as pa
import pytest

from oddloop.errors import TableError
from oddloop.score.nested import column, floats, unnest
from oddloop.score.shapes import by_shape, common_lengths

ROWS = [[1.0, 2.0], None, [], [3.0], [4.0, 5.0]]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64())])
@pytest.mark.parametrize("cut", [slice(0, 5), slice(1, 4), slice(3, 3), slice(4, 5)])
def test_every_slice_of_every_kind(kind, cut):
    lists = pa.array(ROWS, kind)[cut.start : cut.stop]
    found = unnest(lists, "x")
    items = floats(found.items, "x").tolist()
    back = [items[a:b] for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]
    assert back == [row or [] for row in ROWS[cut]]
    assert found.given.tolist() == [row is not None for row in ROWS[cut]]


def test_fixed_size_lists():
    lists = pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2)).slice(1)
    found = unnest(lists, "x")
    assert (found.offsets.tolist(), floats(found.items, "x").tolist()) == ([0, 0, 2], [3.0, 4.0])


def test_a_null_list_may_still_span_values():
    """Arrow permits it; the values below a null are not data."""
    lists = pa.ListArray.from_arrays(
        pa.array([0, 2, 4, 5], pa.int32()), pa.array([1.0, 2.0, 3.0, 4.0, 5.0]), mask=pa.array([False, True, False])
    )
    found = unnest(lists, "x")
    assert (found.offsets.tolist(), floats(found.items, "x").tolist()) == ([0, 2, 2, 3], [1.0, 2.0, 5.0])


def test_no_copy_without_nulls():
    values = pa.array(np.arange(6, dtype=np.float32))
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 4, 6], pa.int32()), values).slice(1)
    found = floats(unnest(lists, "x").items, "x")
    assert found.__array_interface__["data"][0] == values.buffers()[1].address + 8


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_null_numbers_are_nan(kind):
    numbers = floats(pa.array([np.float16(1.5), None], kind), "x")
    assert numbers[0] == 1.5
    assert np.isnan(numbers[1])


def test_what_is_not_as_declared_is_named():
    with pytest.raises(TableError, match=r"`boxes` must be a list; got string; run `oddloop check`"):
        unnest(pa.array(["a"]), "`boxes`")
    with pytest.raises(TableError, match="`score` must be float16, float32 or float64; got int64"):
        floats(pa.array([1]), "`score`")
    with pytest.raises(TableError, match="column `probs` is missing; there are: a, b"):
        column(pa.table({"a": [1], "b": [1]}), "probs")


def test_rows_of_unlike_shapes_are_gathered_by_shape():
    values = np.arange(13.0)
    shapes = np.array([[1, 2], [2, 2], [1, 2], [2, 1], [1, 3]])
    starts = np.array([0, 2, 6, 8, 10])
    found = {
        tuple(dense.shape[1:]): (rows.tolist(), dense.tolist()) for rows, dense in by_shape(values, starts, shapes)
    }
    assert found == {
        (1, 2): ([0, 2], [[[0.0, 1.0]], [[6.0, 7.0]]]),
        (2, 2): ([1], [[[2.0, 3.0], [4.0, 5.0]]]),
        (2, 1): ([3], [[[8.0], [9.0]]]),
        (1, 3): ([4], [[[10.0, 11.0, 12.0]]]),
    }


def test_rows_of_one_shape_are_a_view():
    values = np.arange(8.0)
    _, dense = next(by_shape(values, np.array([2, 4, 6]), np.array([[2], [2], [2]])))
    assert np.shares_memory(values, dense)
    assert list(by_shape(values, np.array([], np.int64), np.empty((0, 1), np.int64))) == []


def test_common_lengths():
    assert common_lengths(np.array([0, 1, 3, 3, 5]), np.array([4, 2, 2, 2, 3])).tolist() == [4, 2, -1, -1]
