"""With what a dashboard opens: the metric that the team leads with, and the attribute in the rows of heat maps."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from oddloop.publish.moment import Moment


@dataclass(frozen=True)
class Look:
    """What charts must know of what is published.

    Attributes:
        metric: the metric that a dashboard opens with; "" where nothing is measured.
        better: its direction, `lower` or `higher`.
        rows: attribute that stands in the rows of heat maps at first: named scenarios, where there are any.
    """

    metric: str
    better: str
    rows: str


def look_at(moment: Moment) -> Look:
    """The look of what is published: as in reports, `[coverage] metric` leads, else the first that has a direction."""
    config = moment.workspace.config
    folder = moment.workspace.storage.sub(f"derived/coverage/{moment.coverages[moment.newest]}")
    measured = sorted(folder.read_table("segment_metrics.parquet", ["metric"])["metric"].unique().to_pylist())
    directed = [name for name in measured if name in config.metrics]
    metric = next((name for name in (config.coverage.metric, *directed, *measured) if name in measured), "")
    better = config.metrics[metric].better if metric in config.metrics else "higher"
    segments = folder.read_table("segments.parquet", ["n_way", "attributes"])
    single = pc.unique(pc.list_flatten(segments.filter(pc.field("n_way") == 1)["attributes"])).to_pylist()
    scenario = config.discover.names.attribute
    return Look(metric, better, scenario if scenario in single else next(iter(single), ""))
