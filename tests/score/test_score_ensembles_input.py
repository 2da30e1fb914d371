"""What the measures take: other libraries' arrays without a copy, and logits."""

import array

import numpy as np
import pyarrow as pa
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oddloop.score import bald, binary_entropy, entropy, softmax
from oddloop.score.foreign import to_floats, to_numpy

PROBS = np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)


class OnlyDlpack:
    """An array that speaks nothing but DLPack."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Elsewhere(OnlyDlpack):
    """An array on a device that this process cannot read."""

    def __dlpack__(self, **options):
        raise BufferError("on device cuda:0")


@pytest.mark.parametrize("wrap", [OnlyDlpack, memoryview, lambda x: x.tolist()])
def test_arrays_of_other_libraries(wrap):
    assert entropy(wrap(PROBS)) == pytest.approx(entropy(PROBS))
    assert bald(wrap(PROBS)) == pytest.approx(bald(PROBS))
    assert binary_entropy(wrap(PROBS)) == pytest.approx(binary_entropy(PROBS))


def test_flat_buffers():
    assert entropy(array.array("d", [0.5, 0.5])) == pytest.approx(np.log(2))
    assert entropy(pa.array([0.5, 0.5], pa.float32())) == pytest.approx(np.log(2))


@pytest.mark.parametrize("wrap", [OnlyDlpack, memoryview, np.asarray])
def test_nothing_is_copied(wrap):
    assert np.shares_memory(to_floats(wrap(PROBS)), PROBS)


def test_what_gives_no_values_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"Elsewhere does not give its values .*: on device cuda:0; .*to the host"):
        to_numpy(Elsewhere(PROBS))
    with pytest.raises(ValueError, match="must be float16, float32 or float64; got int64"):
        to_floats(OnlyDlpack(np.array([1, 2])))


@given(
    hnp.arrays(np.float64, (3, 4), elements=st.floats(-700, 700)),
    st.sampled_from([np.float16, np.float32, np.float64]),
    st.floats(0.05, 20),
)
@settings(deadline=None)
def test_softmax_agrees_with_scipy(logits, dtype, temperature):
    typed = logits.astype(dtype)
    found = softmax(typed, temperature)
    assert found.dtype == (np.float64 if dtype is np.float64 else np.float32)
    assert found == pytest.approx(
        scipy.special.softmax(typed.astype(np.float64) / temperature, axis=1), rel=1e-6, abs=1e-30
    )
    assert (entropy(found) >= 0).all()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([1000.0, 1000.0], [0.5, 0.5]),  # no overflow
        ([0.0, -np.inf], [1.0, 0.0]),  # a class that cannot be
        ([3.0], [1.0]),
        ([np.inf, 0.0], [np.nan, np.nan]),
        ([np.nan, 0.0], [np.nan, np.nan]),
        ([-np.inf, -np.inf], [np.nan, np.nan]),
    ],
)
def test_softmax_of_one_row(row, expected):
    found = softmax([row, [0.0] * len(row)])
    assert found[0] == pytest.approx(expected, nan_ok=True)
    assert found[1] == pytest.approx(1 / len(row))
    assert np.isnan(entropy(found)[0]) == np.isnan(expected[0])


def test_softmax_of_nothing_and_refusals():
    assert softmax(np.empty((0, 3))).shape == (0, 3)
    assert softmax(np.empty((2, 0), np.float16)).shape == (2, 0)
    with pytest.raises(ValueError, match="got a single number"):
        softmax(0.5)
    for temperature in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="positive and finite; got"):
            softmax([0.0, 1.0], temperature)
