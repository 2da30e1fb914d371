"""Which metric all pages, dashboards and comparisons lead with."""

from __future__ import annotations

from collections.abc import Iterable

from oddloop.config.load import Config


def leading_metric(measured: Iterable[str], config: Config) -> str:
    """The metric of `[coverage] metric`, else the first measured one by name that has a [metrics.<name>].

    Args:
        measured: names of the metrics that there are values of, in any order.
        config: what `oddloop.toml` says.

    Returns:
        Its name; "" where the one that is set is not measured, or where nobody has said what is better: a guess would
        show the best segments as the worst.

    >>> from oddloop.config import MetricConfig
    >>> leading_metric(["recall", "ap"], Config(metrics={"recall": MetricConfig("higher")}))
    'recall'
    >>> leading_metric(["recall", "ap"], Config())
    ''
    """
    known = set(measured) & set(config.metrics)
    if config.coverage.metric:
        return config.coverage.metric if config.coverage.metric in known else ""
    return min(known, default="")
