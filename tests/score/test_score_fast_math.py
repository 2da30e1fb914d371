"""What the compiled loops share, against NumPy: the logarithm over its whole range, and transposing of any shape."""

import numpy as np
import pytest

from oddloop.compiled import compile_loop, import_loops

fast_math, fast_transpose = import_loops("oddloop.score.fast_math"), import_loops("oddloop.score.fast_transpose")
if fast_math is None or fast_transpose is None:
    pytest.skip("numba is not installed", allow_module_level=True)
SIDE, log = fast_transpose.SIDE, fast_math.log


@compile_loop
def logs_of(values, out):
    for i in range(len(values)):
        out[i] = log(values[i])


def numbers():
    rng = np.random.default_rng(0)
    near_one = 1.0 + np.concatenate([2.0 ** -np.arange(1.0, 53), -(2.0 ** -np.arange(2.0, 54))])
    cuts = np.sqrt(0.5) * 2.0 ** np.arange(-1000.0, 1000.0)
    cuts = np.concatenate([cuts, np.nextafter(cuts, 0.0), np.nextafter(cuts, np.inf)])
    return np.concatenate(
        [[fast_math.TINY, 1.0, 1e308], near_one, cuts, 2.0 ** rng.uniform(-1022, 1023, 50_000), rng.random(50_000)]
    )


def test_the_logarithm_is_as_exact_as_promised():
    # GIVEN numbers of the whole range, near 1 and where the exponent changes
    x = numbers()
    found = np.empty(len(x))
    logs_of(x, found)
    # THEN each is within 1e-15 of the logarithm in long double
    wanted = np.log(x.astype(np.longdouble))
    assert found[x == 1.0].tolist() == [0.0] * np.count_nonzero(x == 1.0)
    away = wanted != 0
    assert np.abs(found[away] / wanted[away] - 1).max() < 1e-15


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [0, 1, SIDE - 1, SIDE, 3 * SIDE + 5])
@pytest.mark.parametrize("n_columns", [1, SIDE - 1, SIDE, 2 * SIDE, 5 * SIDE + 3])
def test_transposes_any_shape_and_touches_nothing_else(dtype, n_rows, n_columns):
    rows = np.random.default_rng(1).random((n_rows, n_columns)).astype(dtype)
    rows[rows > 0.9] = np.nan
    # GIVEN room that is wider than there are rows
    out = np.full((n_columns, n_rows + 3), -1.0, dtype)
    fast_transpose.transpose(rows, out)
    assert np.array_equal(out[:, :n_rows], rows.T, equal_nan=True)
    assert (out[:, n_rows:] == -1).all()
