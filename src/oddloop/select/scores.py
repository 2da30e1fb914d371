"""Which scene score a policy ranks by.

A score column is `<task>_<measure>[_<reduction>]_<summary>` with a `_valid` twin. `[select] score` names one;
else a policy takes the first column that matches its own list of patterns, in this order:

- `uncertainty`: spread of predicted trajectories, summed over road users and frames (on five simulated fleets the sum
  beat random picks each time at equal cost, and the mean lost each time); entropy of detections (summed over the boxes
  of a frame first: on KITTI the sum agrees with a detector's errors far better than the mean does); entropy of
  classifications;
- `margin`: 1 - (best - second best probability), of detections, then classifications.
"""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Sequence

import pyarrow as pa

from oddloop.errors import ConfigError

UNCERTAINTY = (
    "trajectory_endpoint_spread_sum_sum",
    "trajectory_endpoint_spread_mean_mean",
    "trajectory_endpoint_spread_*_mean",
    "detection_entropy_sum_mean",
    "detection_entropy_*_mean",
    "classification_entropy_mean",
    "classification_entropy_*_mean",
)
MARGIN = (
    "detection_margin_sum_mean",
    "detection_margin_*_mean",
    "classification_margin_mean",
    "classification_margin_*_mean",
)


def score_columns(scene_scores: pa.Table | None) -> list[str]:
    """Names of all score columns, those with a `_valid` twin, in alphabetical order.

    >>> score_columns(pa.table({"scene_id": ["a"], "x_mean": [1.0], "x_mean_valid": [True], "x_n": [3]}))
    ['x_mean']
    """
    names = set(scene_scores.column_names) if scene_scores is not None else set()
    return sorted(name for name in names if f"{name}_valid" in names)


def resolve_score(policy: str, wanted: str, patterns: Sequence[str], columns: Sequence[str]) -> str:
    """Name the score column that a policy ranks by.

    Args:
        policy: name of the policy, for messages.
        wanted: `[select] score`; "" asks for the default.
        patterns: the policy's own preferences, best first; none where it needs no score.
        columns: score columns at hand.

    Returns:
        the name; "" where nothing is wanted and the policy needs no score.

    Raises:
        ConfigError: the wanted column is not there, or the policy needs a score and none matches.

    >>> resolve_score("margin", "", MARGIN, ["detection_entropy_sum_mean", "detection_margin_max_mean"])
    'detection_margin_max_mean'
    """
    if wanted:
        if wanted not in columns:
            raise ConfigError(f"[select] score = {wanted!r} is not a scene score; {_nearest(wanted, columns)}")
        return wanted
    found = first_match(patterns, columns)
    if patterns and not found:
        raise ConfigError(
            f"policy `{policy}` ranks by a scene score such as {patterns[0]}, and there is none; "
            f"set [select] score, or another [select] policy; {_nearest('', columns)}"
        )
    return found


def first_match(patterns: Sequence[str], columns: Sequence[str]) -> str:
    """The first column that matches a pattern, by pattern, then by name; "" for none.

    >>> first_match(["b*", "a*"], ["a2", "a1"])
    'a1'
    """
    return next((name for pattern in patterns for name in sorted(fnmatch.filter(columns, pattern))), "")


def _nearest(wanted: str, columns: Sequence[str]) -> str:
    if not columns:
        return "no scene has been scored: the model has no predictions in the lake"
    close = difflib.get_close_matches(wanted, columns, n=3, cutoff=0.5)
    return f"nearest: {', '.join(close)}" if close else f"there are: {', '.join(columns)}"
