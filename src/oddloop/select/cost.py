"""What labelling a scene will cost: cost = per_scene + per_frame x frames + per_object x reported objects.

The form and the default prices are those of Liang et al. 2022 (0.12 per frame, 0.04 per box), except that objects are
those that the model reports and not the true ones, which nobody knows before labelling. Time and memory O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.config import CostConfig
from oddloop.errors import TableError
from oddloop.select.pool import Floats


def predict_cost(n_frames: npt.ArrayLike, n_objects: npt.ArrayLike, config: CostConfig) -> Floats:
    """Predict the labelling cost of each scene.

    Args:
        n_frames: (n,) frames to label.
        n_objects: (n,) objects reported over all frames.
        config: prices.

    Returns:
        (n,) float64 costs in `config.unit`, 0 or more.

    Raises:
        TableError: a count is NaN, infinite or negative.

    >>> predict_cost([10, 0], [4, 0], CostConfig(per_scene=1.0, per_frame=0.5, per_object=0.25)).tolist()
    [7.0, 1.0]
    """
    frames, objects = _counts(n_frames, "n_frames"), _counts(n_objects, "n_objects")
    return config.per_scene + config.per_frame * frames + config.per_object * objects


def amount(cost: float) -> str:
    """A cost in a sentence: two decimals where it is 1 or more, four digits below.

    >>> amount(80000.0), amount(102.163), amount(2.5), amount(0.01234567)
    ('80,000', '102.16', '2.5', '0.01235')
    """
    return f"{cost:,.2f}".rstrip("0").rstrip(".") if cost >= 1 else f"{cost:.4g}"


def _counts(values: npt.ArrayLike, name: str) -> Floats:
    counts = np.asarray(values, dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(counts) & (counts >= 0)))
    if len(bad):
        raise TableError(f"{name} must be 0 or more; row {bad[0]} is {counts[bad[0]]:g} ({len(bad)} such rows)")
    return counts
