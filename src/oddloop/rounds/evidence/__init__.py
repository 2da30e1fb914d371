"""Was the advice right? What rounds gained, against the model before and against picks by chance at equal cost.

`arms` reads learning curves, `halves` trains models on halves of picks, `equal_cost` puts two arms at one cost,
`within` makes two arms of one workspace's control share, `verdict` judges, `weigh` records, `announce` says it before.
"""

from oddloop.coverage import ALL_SCENES
from oddloop.rounds.evidence.arms import collect_evidence, evaluated_rounds, labelling_cost

__all__ = ["ALL_SCENES", "collect_evidence", "evaluated_rounds", "labelling_cost"]
