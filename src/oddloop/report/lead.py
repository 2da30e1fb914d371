"""The metric that reports and pages are about."""

from __future__ import annotations

import pyarrow as pa

from oddloop.config import Config, leading_metric
from oddloop.report.model import LeadMetric


def lead_metric(segment_metrics: pa.Table, config: Config) -> LeadMetric | None:
    """The metric that reports lead with, as `leading_metric` finds it; None where there is none."""
    name = leading_metric(segment_metrics["metric"].unique().to_pylist(), config)
    return LeadMetric(name, config.metrics[name].better, config.metrics[name].target) if name else None
