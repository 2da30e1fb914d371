"""Arrays of other libraries, taken over without a copy: whatever speaks DLPack, the array or the buffer protocol.

NumPy's own protocol and the buffer protocol are asked first, since they need no device; then DLPack. So tensors of
PyTorch, JAX, CuPy (on the host), Arrow arrays, `array.array` and `memoryview` all are input. Constant time and memory
where nothing must be copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import AnyFloats, FloatArray, IntArray, as_floats


def to_floats(values: Any) -> AnyFloats:
    """Floats of any array library as a NumPy array, without a copy where the library permits.

    Args:
        values: (...) float16, float32 or float64, in host memory.

    Raises:
        ValueError: the library does not give its values away (another device, a gradient, bfloat16), or they are
            not floats; integers are refused, since they may be quantised.

    >>> import array
    >>> to_floats(array.array("f", [0.5, 0.25]))
    array([0.5 , 0.25], dtype=float32)
    """
    return as_floats(to_numpy(values))


def to_float64(values: Any) -> FloatArray:
    """Numbers of any array library as float64; integers and booleans too, where a number is a number.

    Raises:
        ValueError: the library does not give its values away, or they are not real numbers.

    >>> to_float64([1, 2])
    array([1., 2.])
    """
    array = to_numpy(values)
    if array.dtype.kind not in "fiubO":
        raise ValueError(f"real numbers are needed; got {array.dtype}; convert them to float32 or float64 first")
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"real numbers are needed; {error}; convert them to float32 or float64 first") from error


def to_int64(values: Any) -> IntArray:
    """Whole numbers of any array library as int64, such as offsets; nothing at all is none of them.

    Raises:
        ValueError: the library does not give its values away, or they are not integers.

    >>> to_int64([]), to_int64([0, 2])
    (array([], dtype=int64), array([0, 2]))
    """
    array = to_numpy(values)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"offsets must be integers; got {array.dtype}; convert them to int64 first")
    return array.astype(np.int64, copy=False)


def to_numpy(values: Any) -> npt.NDArray[Any]:
    """An array of any library as a NumPy array, without a copy where the library permits.

    Raises:
        ValueError: the library does not give its values away.

    >>> to_numpy([[1, 2]]).shape
    (1, 2)
    """
    try:
        if isinstance(values, np.ndarray):
            array = values
        elif hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
            array = np.from_dlpack(values)
        else:
            array = np.asarray(values)
    except (BufferError, RuntimeError, TypeError) as error:
        kind = f"{type(values).__module__}.{type(values).__qualname__}"
        raise ValueError(
            f"{kind} does not give its values to NumPy: {error}; "
            "detach it, move it to the host and convert it to float32 first"
        ) from error
    # Numbers in another machine's byte order, as files may hold them, are copied to this one's.
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
