"""How long, and by how much, a time to collision stays below a threshold: TET and TIT, per track.

With TTC_1..TTC_n of a track, each standing for dt_i seconds, and the threshold tau in seconds:

    TET  sum dt_i [TTC_i <= tau]               in s     [0, duration]
    TIT  sum dt_i max(0, tau - TTC_i)          in s²    [0, tau · duration]

Both add up over tracks, frames and shards. A NaN is a TTC that does not exist (nothing ahead, or not closing): it adds
nothing. An empty track has 0; whether anything was observed is told by the count of rows, not by these sums.
Minderhoud and Bovy, Extended time-to-collision measures for road traffic safety assessment, 2001; there TIT sums
tau - TTC as here, and 1/TTC - 1/tau in other texts.

Time and memory grow with the number of rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.foreign import to_float64
from oddloop.score.ragged import group_sum
from oddloop.score.risk.headway import shortfall


def time_exposed(
    ttc_s: npt.ArrayLike, dt_s: npt.ArrayLike, offsets: npt.ArrayLike, threshold_s: float = 4.0
) -> FloatArray:
    """Time exposed TET of each track.

    Args:
        ttc_s: (N,) times to collision in seconds; NaN where there is none.
        dt_s: (N,) seconds that each stands for, or one number.
        offsets: (G+1,) bounds of each track's rows.
        threshold_s: above 0.

    Returns:
        (G,) seconds.

    Raises:
        ValueError: the threshold is not above 0, or the offsets fall or reach beyond the rows.

    >>> time_exposed([5.0, 3.0, 4.0, np.nan], 0.1, [0, 4]).round(9)
    array([0.2])
    """
    ttc = to_float64(ttc_s)
    short = shortfall(ttc, threshold_s)
    return group_sum(np.where(np.isnan(short) | (ttc > threshold_s), 0.0, to_float64(dt_s)), offsets)


def time_integrated(
    ttc_s: npt.ArrayLike, dt_s: npt.ArrayLike, offsets: npt.ArrayLike, threshold_s: float = 4.0
) -> FloatArray:
    """Time integrated TIT of each track, in s²; arguments and errors as `time_exposed`.

    >>> time_integrated([5.0, 3.0, 2.0, np.nan], 0.5, [0, 4])
    array([1.5])
    """
    return group_sum(np.nan_to_num(shortfall(ttc_s, threshold_s)) * to_float64(dt_s), offsets)
