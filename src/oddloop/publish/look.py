"""With what a dashboard opens: the metric that the team leads with, and the attribute in the rows of heat maps."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from oddloop.config import leading_metric
from oddloop.publish.moment import Moment


@dataclass(frozen=True)
class Look:
    """What charts must know of what is published.

    Attributes:
        metric: the metric that a dashboard opens with; "" where nothing is measured.
        better: its direction, `lower` or `higher`; "" where nobody has said.
        rows: attribute that stands in the rows of heat maps at first: named scenarios, where there are any.
    """

    metric: str
    better: str
    rows: str


def look_at(moment: Moment) -> Look:
    """The look of what is published: the metric that reports lead with, else the first measured one, undirected."""
    config = moment.workspace.config
    folder = moment.workspace.storage.sub(f"derived/coverage/{moment.coverages[moment.newest]}")
    measured = sorted(folder.read_table("segment_metrics.parquet", ["metric"])["metric"].unique().to_pylist())
    leading = leading_metric(measured, config)
    metric, better = leading or next(iter(measured), ""), config.metrics[leading].better if leading else ""
    segments = folder.read_table("segments.parquet", ["n_way", "attributes"])
    single = pc.unique(pc.list_flatten(segments.filter(pc.field("n_way") == 1)["attributes"])).to_pylist()
    scenario = config.discover.names.attribute
    return Look(metric, better, scenario if scenario in single else next(iter(single), ""))
