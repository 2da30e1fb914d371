"""What is measured of a cluster's scenes, as ranges: what a test of the scenario should vary, and how far.

Quantiles over the cluster's scenes beside those of all other scenes, per numeric column of `scenes`. Ranges are of what
was seen, so few scenes give narrow ones; their number stands beside. Time O(memberships x columns).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import Floats, Ints

_QUANTILES = (0.05, 0.5, 0.95)
_NOT_PARAMETERS = frozenset({"start_ns", "n_frames"})
_UNITS = {
    "_mps": "m/s",
    "_mps2": "m/s2",
    "_m": "m",
    "_s": "s",
    "_radps": "rad/s",
    "_rad": "rad",
    "_mm_h": "mm/h",
    "_lux": "lux",
    "_kmh": "km/h",
    "_deg": "deg",
}


@dataclass(frozen=True)
class Parameter:
    """A measured column in a cluster and elsewhere.

    Attributes:
        name: column of `scenes`.
        unit: taken from the end of its name; "" where that says nothing.
        low, median, high: 5 %, 50 % and 95 % quantile over the cluster's scenes.
        least, most: smallest and largest value.
        elsewhere_low, elsewhere_median, elsewhere_high: quantiles over all other scenes; NaN where there are none.
        n: scenes with a value.
        shift: how far the median lies from the one elsewhere, in spreads elsewhere (5 % to 95 %); NaN without spread.
    """

    name: str
    unit: str
    low: float
    median: float
    high: float
    least: float
    most: float
    elsewhere_low: float
    elsewhere_median: float
    elsewhere_high: float
    n: int
    shift: float


def measure_parameters(scenes: pa.Table, rows: Ints) -> list[Parameter]:
    """Ranges of every numeric column over some scenes and all others.

    Args:
        scenes: SCENES with whatever numeric columns there are.
        rows: rows of the cluster's scenes.

    Returns:
        a parameter per column with a value in the cluster, the most telling first: by falling size of `shift`.

    >>> scenes = pa.table({"scene_id": list("abcd"), "ego_speed_mps": [1.0, 3.0, 10.0, 20.0]})
    >>> (found,) = measure_parameters(scenes, np.array([0, 1]))
    >>> found.unit, found.least, found.median, found.most, found.elsewhere_median
    ('m/s', 1.0, 2.0, 3.0, 15.0)
    """
    inside = np.zeros(scenes.num_rows, dtype=bool)
    inside[rows] = True
    columns = [f.name for f in scenes.schema if _is_number(f.type) and f.name not in _NOT_PARAMETERS]
    found = [p for name in columns if (p := _measure(name, _floats(scenes[name]), inside)) is not None]
    return sorted(found, key=lambda p: (-abs(p.shift) if np.isfinite(p.shift) else 0.0, p.name))


def _measure(name: str, values: Floats, inside: np.ndarray) -> Parameter | None:
    known = np.isfinite(values)
    here, there = values[inside & known], values[~inside & known]
    if not len(here):
        return None
    low, median, high = np.quantile(here, _QUANTILES).tolist()
    other = np.quantile(there, _QUANTILES) if len(there) else np.full(3, np.nan)
    below, middle, above = other.tolist()
    shift = (median - middle) / (above - below) if above > below else float("nan")
    least, most = float(here.min()), float(here.max())
    return Parameter(name, unit_of(name), low, median, high, least, most, below, middle, above, len(here), shift)


def unit_of(column: str) -> str:
    """Unit that the end of a column's name gives.

    >>> unit_of("ego_decel_max_mps2"), unit_of("curvature")
    ('m/s2', '')
    """
    fitting = [end for end in _UNITS if column.endswith(end)]
    return _UNITS[max(fitting, key=len)] if fitting else ""


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = pc.fill_null(column.cast(pa.float64(), safe=False), np.nan).to_numpy()
    return values
