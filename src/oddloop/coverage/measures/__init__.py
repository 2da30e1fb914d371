"""How well data covers an ODD: against a target, by combinations, and what was never seen.

All are plain functions on arrays and encoded attributes: `shortfall` and `divergence` compare exposure with a target;
`t_way_coverage` and `maximal_uncovered` look at combinations of values; `unseen` estimates what no log has shown yet;
`choose_scenes` and `plan_drives` say what would close the most shortfall.
"""

from oddloop.coverage.measures.combinations import TWay, t_way_coverage
from oddloop.coverage.measures.drives import Drive, plan_drives
from oddloop.coverage.measures.greedy import Chosen, choose_scenes
from oddloop.coverage.measures.targets import Divergence, divergence, shortfall, uniform_target
from oddloop.coverage.measures.uncovered import Pattern, maximal_uncovered
from oddloop.coverage.measures.unseen import Unseen, chao1, good_turing, unseen, zero_event_bound

__all__ = [
    "Chosen",
    "Divergence",
    "Drive",
    "Pattern",
    "TWay",
    "Unseen",
    "chao1",
    "choose_scenes",
    "divergence",
    "good_turing",
    "maximal_uncovered",
    "plan_drives",
    "shortfall",
    "t_way_coverage",
    "uniform_target",
    "unseen",
    "zero_event_bound",
]
