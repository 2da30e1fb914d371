"""Scenes by the week in which they began: ISO weeks, Monday to Sunday, in UTC."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_NS_PER_DAY = 86_400 * 10**9


def week_names(start_ns: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Name the week of each instant.

    Args:
        start_ns: (N,) int64 ns since the Unix epoch.

    Returns:
        (N,) names such as `2024-W05`; they sort by time, years 1000 to 9999.

    >>> week_names([0, 1_706_745_600_000_000_000]).tolist()  # 1 January 1970 and 1 February 2024, both Thursdays
    ['1970-W01', '2024-W05']
    """
    days = np.asarray(start_ns, np.int64) // _NS_PER_DAY
    # A week is of the year that its Thursday is in; day 0 is a Thursday.
    thursdays, place = np.unique((days + 3) // 7 * 7, return_inverse=True)
    years = thursdays.astype("datetime64[D]").astype("datetime64[Y]")
    weeks = (thursdays - years.astype("datetime64[D]").astype(np.int64)) // 7 + 1
    names = np.array([f"{year}-W{week:02d}" for year, week in zip(years, weeks.tolist(), strict=True)], dtype=np.str_)
    return names[place] if len(names) else np.empty(0, np.str_)
