"""What an audit comes to: the score to rank by, per task, and whether it is any better than counting objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Recommendation:
    """The best score of a task.

    Attributes:
        task: the task; "" for scores that are of none.
        score: its score column.
        gain: errors that it finds at a tenth of the cost less those that the object count finds, as a share of all.
        gain_low: lower end of the gain's interval, None where there are too few logs.
        gain_high: upper end of it.
        n_scores: how many scores of the task it was chosen from.
        n_logs: logs behind it.
    """

    task: str
    score: str
    gain: float
    gain_low: float | None
    gain_high: float | None
    n_scores: int
    n_logs: int

    @property
    def beats_object_count(self) -> bool:
        """Whether the whole interval of the gain is above 0."""
        return self.gain_low is not None and self.gain_low > 0

    def __str__(self) -> str:
        """A sentence for people; a warning where the score is not shown to be better than counting objects.

        >>> print(Recommendation("detection", "detection_entropy_sum_mean", 0.03, -0.01, 0.07, 48, 21))
        Warning: no detection score beats object count. The best of 48 is detection_entropy_sum_mean: at 10 % of the \
cost it finds +3.0 points of all errors compared with object count (95 % interval -1.0 to +7.0 over 21 logs).
        """
        kind = f"{self.task} score".lstrip()
        best = f"The best of {self.n_scores} is {self.score}"
        finds = f"at 10 % of the cost it finds {_points(self.gain)} points of all errors compared with object count"
        if self.gain_low is None or self.gain_high is None:
            few = f"{self.n_logs} {'log is' if self.n_logs == 1 else 'logs are'} too few to say whether"
            return f"Warning: {few} a {kind} beats object count. {best}: {finds}."
        interval = f"(95 % interval {_points(self.gain_low)} to {_points(self.gain_high)} over {self.n_logs} logs)"
        if self.beats_object_count:
            return f"Rank by {self.score}, the best of {self.n_scores} {kind}s: {finds} {interval}."
        return f"Warning: no {kind} beats object count. {best}: {finds} {interval}."


def recommend(audit: pa.Table) -> tuple[Recommendation, ...]:
    """The best score of each task, best task first; none where no score could be judged.

    Args:
        audit: `derived_tables.AUDIT`, best first.

    >>> from oddloop.derived_tables import AUDIT
    >>> recommend(AUDIT.empty())
    ()
    """
    scores = [row for row in audit.to_pylist() if row["kind"] == "score" and row["gain_at_10"] is not None]
    by_task: dict[str, list[Mapping[str, Any]]] = {}
    for row in scores:
        by_task.setdefault(str(row["task"]), []).append(row)
    return tuple(_best(task, rows[0], len(rows)) for task, rows in by_task.items())


def _best(task: str, row: Mapping[str, Any], n_scores: int) -> Recommendation:
    gain = row["gain_at_10"], row["gain_at_10_low"], row["gain_at_10_high"]
    return Recommendation(task, row["score"], *gain, n_scores=n_scores, n_logs=row["n_logs"])


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
