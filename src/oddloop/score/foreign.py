"""Arrays of other libraries, taken over without a copy: whatever speaks DLPack, the array or the buffer protocol.

NumPy's own protocol and the buffer protocol are asked first, since they need no device; then DLPack. So tensors of
PyTorch, JAX, CuPy (on the host), Arrow arrays, `array.array` and `memoryview` all are input. Constant time and memory
where nothing must be copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import AnyFloats, as_floats


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


def to_numpy(values: Any) -> npt.NDArray[Any]:
    """An array of any library as a NumPy array, without a copy where the library permits.

    Raises:
        ValueError: the library does not give its values away.

    >>> to_numpy([[1, 2]]).shape
    (1, 2)
    """
    if isinstance(values, np.ndarray):
        return values
    try:
        if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
            return np.from_dlpack(values)
        return np.asarray(values)
    except (BufferError, RuntimeError, TypeError) as error:
        kind = f"{type(values).__module__}.{type(values).__qualname__}"
        raise ValueError(
            f"{kind} does not give its values to NumPy: {error}; "
            "detach it, move it to the host and convert it to float32 first"
        ) from error
