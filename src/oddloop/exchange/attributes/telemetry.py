"""What a signal of the vehicle did in each scene: its mean, extremes and spread. Time grows with the samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
STATISTICS = ("mean", "min", "max", "std")


def summarize_signal(
    time_ns: IntArray, value: FloatArray, start_ns: IntArray, end_ns: IntArray
) -> dict[str, FloatArray]:
    """Mean, least, largest and standard deviation of a signal in each scene.

    Args:
        time_ns: (N,) int64, rising.
        value: (N,) float64; samples that are not finite are passed over.
        start_ns: (S,) first instants of the scenes.
        end_ns: (S,) their ends, which belong to the next.

    Returns:
        (S,) float64 by name of `STATISTICS`; NaN where a scene has no sample.

    >>> t = np.arange(4) * 10**9
    >>> found = summarize_signal(t, np.array([1.0, 3.0, 5.0, 5.0]), t[[0, 2]], t[[2, 3]])
    >>> found["mean"].tolist(), found["max"].tolist()
    ([2.0, 5.0], [3.0, 5.0])
    """
    is_good = np.isfinite(value)
    time_ns, value = time_ns[is_good], value[is_good]
    first, last = np.searchsorted(time_ns, start_ns), np.searchsorted(time_ns, end_ns)
    found = {name: np.full(len(first), np.nan) for name in STATISTICS}
    for i in np.flatnonzero(last > first):  # scenes are few beside samples
        part = value[first[i] : last[i]]
        for name in STATISTICS:
            found[name][i] = getattr(np, name)(part)
    return found


def rate_of_change(time_ns: IntArray, value: FloatArray, window_ns: int = 200_000_000) -> FloatArray:
    """Change per second of a signal, (N,), over a window around each sample; 0 where time does not pass.

    A window smooths what is written in steps, such as speed on a CAN bus.

    >>> rate_of_change(np.arange(3) * 10**8, np.array([0.0, 1.0, 2.0])).round(6).tolist()
    [10.0, 10.0, 10.0]
    """
    before = np.searchsorted(time_ns, time_ns - window_ns // 2)
    after = np.minimum(np.searchsorted(time_ns, time_ns + window_ns // 2, side="right"), len(time_ns)) - 1
    seconds = (time_ns[after] - time_ns[before]) / 1e9
    change = value[after] - value[before]
    rate: FloatArray = np.divide(change, seconds, out=np.zeros_like(change), where=seconds > 0)
    return rate
